using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Fairlead.Cni.AgentSocket;

/// <summary>What the plugin is to end with, as the agent has worked it out.</summary>
/// <param name="ExitCode">The plugin's exit code.</param>
/// <param name="Output">What it writes to standard output.</param>
public sealed record PluginAnswer(int ExitCode, ReadOnlyMemory<byte> Output)
{
    /// <summary>The answer as it goes over the socket.</summary>
    public byte[] Encode()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        writer.WriteNumber("exitCode", ExitCode);
        writer.WriteBase64String("output", Output.Span);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads one; false where it is not whole, as that of an agent that was killed.</summary>
    internal static bool TryParse(ReadOnlyMemory<byte> text, [NotNullWhen(true)] out PluginAnswer? answer)
    {
        answer = null;
        try
        {
            using var document = JsonDocument.Parse(text);
            answer = new(document.RootElement.GetProperty("exitCode").GetInt32(), document.RootElement.GetProperty("output").GetBytesFromBase64());
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            return false;
        }
    }
}
