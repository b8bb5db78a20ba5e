using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Fairlead.Cni.AgentSocket;

/// <summary>A call of a plugin as the plugin hands it on to the node's agent: all that it was started with.</summary>
/// <param name="Program">The name that it was started under.</param>
/// <param name="Executable">The executable, links resolved.</param>
/// <param name="Variables">The variables that parameters are in.</param>
/// <param name="Config">The configuration, as it came on standard input.</param>
public sealed record PluginRequest(string Program, string Executable, ImmutableSortedDictionary<string, string> Variables, ReadOnlyMemory<byte> Config)
{
    /// <summary>What an agent reads of one; a configuration with the result of an ADD in it has some thousands of bytes.</summary>
    public const int MaximumSize = 4 << 20;

    /// <summary>The variables that plugins look at.</summary>
    internal static ImmutableArray<string> Names { get; } =
        ["CNI_COMMAND", "CNI_CONTAINERID", "CNI_NETNS", "CNI_IFNAME", "CNI_ARGS", "CNI_PATH", "DBUS_SYSTEM_BUS_ADDRESS"];

    internal byte[] Encode()
    {
        var buffer = new ArrayBufferWriter<byte>(2048);
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        writer.WriteString("program", Program);
        writer.WriteString("executable", Executable);
        writer.WriteStartObject("variables");
        foreach (var (name, value) in Variables)
        {
            writer.WriteString(name, value);
        }

        writer.WriteEndObject();
        writer.WriteBase64String("config", Config.Span);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Reads one; false where it is none, or not whole.</summary>
    public static bool TryParse(ReadOnlyMemory<byte> text, [NotNullWhen(true)] out PluginRequest? request)
    {
        request = null;
        try
        {
            using var document = JsonDocument.Parse(text);
            var root = document.RootElement;
            request = new(
                root.GetProperty("program").GetString() ?? "",
                root.GetProperty("executable").GetString() ?? "",
                root.GetProperty("variables").EnumerateObject().ToImmutableSortedDictionary(v => v.Name, v => v.Value.GetString() ?? "", StringComparer.Ordinal),
                root.GetProperty("config").GetBytesFromBase64());
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or ArgumentException)
        {
            return false;
        }
    }
}
