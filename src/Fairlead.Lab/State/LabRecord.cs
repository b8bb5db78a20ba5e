using System.Text.Json;
using System.Text.Json.Serialization;
using Fairlead.Lab.Nodes;
using Fairlead.Linux.Processes;

namespace Fairlead.Lab.State;

/// <summary>The file that says what a lab is and has made; written before a thing is made, so that a killed lab can be cleaned.</summary>
public sealed record LabRecord
{
    /// <summary>The version of this file's form.</summary>
    public int Version { get; init; } = 1;

    public required string Name { get; init; }

    /// <summary><c>starting</c>, <c>ready</c> or <c>stopping</c>.</summary>
    public required string State { get; init; }

    /// <summary>The process that holds the lab up, and when it started (clock ticks after boot), against reuse of its number.</summary>
    public required int ProcessId { get; init; }

    public required ulong ProcessStartTime { get; init; }

    /// <summary><see cref="Boot.Id"/> of its start: after another, nothing of it can be there, and what looks like it is another lab's.</summary>
    public string? BootId { get; init; }

    [JsonIgnore]
    public bool IsOfThisBoot => BootId is null || BootId == Boot.Id;

    public required LabOptions Options { get; init; }

    /// <summary>The port of the API server on 127.0.0.1.</summary>
    public required int ApiPort { get; init; }

    /// <summary>The range that the underlay took; with the name and the number of nodes it gives the whole plan.</summary>
    public required string UnderlayBlock { get; init; }

    /// <summary>How long each part took to come up, in seconds, in order.</summary>
    public IReadOnlyList<LabTiming> Timings { get; init; } = [];

    /// <summary>Things that a person should know, such as a port that could not be forwarded.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The agents' processes by node.</summary>
    public IReadOnlyDictionary<string, LabProcess> Agents { get; init; } = new Dictionary<string, LabProcess>(StringComparer.Ordinal);

    public UnderlayPlan Underlay() => UnderlayPlanner.At(Name, Options.Nodes, System.Net.IPNetwork.Parse(UnderlayBlock));

    /// <summary>Reads the record of a lab; null when there is none.</summary>
    /// <exception cref="LabException">The file is there and cannot be understood.</exception>
    public static LabRecord? Read(LabPaths paths)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(paths.Record), LabJson.Default.LabRecord);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (JsonException e)
        {
            throw new LabException($"{paths.Record} cannot be read: {e.Message}", $"remove the lab with 'fairlead down --name {paths.Name}'");
        }
    }

    /// <summary>Replaces the file as a whole: a reader sees the old one or the new one.</summary>
    public void Write(LabPaths paths)
    {
        var next = paths.Record + ".next";
        File.WriteAllBytes(next, JsonSerializer.SerializeToUtf8Bytes(this, LabJson.Default.LabRecord));
        File.Move(next, paths.Record, overwrite: true);
    }
}

/// <summary>How long one part of the lab took to come up.</summary>
/// <param name="Part">The part.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record LabTiming(string Part, double Seconds);

/// <summary>A process of the lab.</summary>
public sealed record LabProcess(int ProcessId, ulong StartTime);

/// <summary>The JSON forms of the lab's own files and outputs.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LabRecord))]
internal sealed partial class LabJson : JsonSerializerContext;
