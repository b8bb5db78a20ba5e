using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers;

/// <summary>What the supervisor of a detached container tells the command that waits for it, a line for each.</summary>
/// <param name="Step">A step that is being taken.</param>
/// <param name="Started">The id: the container runs, and nothing more will be told.</param>
/// <param name="Failed">Why it does not.</param>
/// <param name="Remedy">What to try.</param>
/// <param name="ExitCode">With <paramref name="Failed"/>, what the command is to end with.</param>
public sealed record SupervisorMessage(ExplainedStep? Step = null, string? Started = null, string? Failed = null, string? Remedy = null, int ExitCode = 0)
{
    /// <summary>As one line.</summary>
    public string ToLine() => JsonSerializer.Serialize(this, SupervisorJson.Default.SupervisorMessage);

    internal static SupervisorMessage? TryParse(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, SupervisorJson.Default.SupervisorMessage);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>The process that stays with a detached container.</summary>
public static class SupervisorProcess
{
    /// <summary>Starts it and waits until its container runs.</summary>
    /// <param name="executable">This program.</param>
    /// <param name="words">Its command for a supervisor, which reads what is asked from its input.</param>
    /// <param name="options">What is asked.</param>
    /// <param name="tell">Told of each step.</param>
    /// <param name="ct">Stops waiting; what has begun goes on.</param>
    /// <returns>The container's id, or why it does not run.</returns>
    public static async Task<SupervisorMessage> StartAsync(
        string executable, IReadOnlyList<string> words, ContainerOptions options, Action<ExplainedStep> tell, CancellationToken ct)
    {
        using var orders = Pipe.Create();
        using var told = Pipe.Create();
        using var process = ProcessHandle.Start(new SpawnOptions
        {
            Executable = executable,
            Arguments = words,
            Environment = SmallEnvironment(),
            WorkingDirectory = "/",
            Input = orders.Reader,
            Output = told.Writer,
            Error = told.Writer,
        });
        orders.Reader.Dispose();
        told.Writer.Dispose();
        await using (var stream = new FileStream(orders.Writer, FileAccess.Write, bufferSize: 0))
        {
            await stream.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(options, ContainerJson.Default.ContainerOptions), ct);
        }

        using var reader = new StreamReader(new FileStream(told.Reader, FileAccess.Read, bufferSize: 0));
        var unexpected = new List<string>();
        while (await reader.ReadLineAsync(ct) is { } line)
        {
            switch (SupervisorMessage.TryParse(line))
            {
                case { Step: { } step }:
                    tell(step);
                    break;
                case { } last when (last.Started ?? last.Failed) is not null:
                    return last;
                default:
                    unexpected.Add(line);
                    break;
            }
        }

        var status = await process.WaitAsync(ct);
        return new SupervisorMessage(Failed: $"the container's supervisor ended with {status}: {string.Join('\n', unexpected)}", ExitCode: 125);
    }

    /// <summary>What a supervisor was asked, from its input.</summary>
    public static ContainerOptions ReadOptions(Stream input)
        => JsonSerializer.Deserialize(input, ContainerJson.Default.ContainerOptions) ?? throw new ContainerException("nothing was asked of the supervisor");

    /// <summary>One of these stays with each container: the runtime is told to stay small.</summary>
    private static Dictionary<string, string> SmallEnvironment()
    {
        var variables = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>()
            .ToDictionary(v => (string)v.Key, v => (string?)v.Value ?? "", StringComparer.Ordinal);
        variables["DOTNET_gcConcurrent"] = "0";
        variables["DOTNET_GCgen0size"] = "0x400000";
        variables["DOTNET_GCConserveMemory"] = "7";
        variables["DOTNET_TieredPGO"] = "0";
        return variables;
    }
}

/// <summary>The JSON of what a supervisor tells, made at compile time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(SupervisorMessage))]
internal sealed partial class SupervisorJson : JsonSerializerContext;
