using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime;

/// <summary>Makes what a plugin reads: its entry in the list with the network's name and version, and what the call adds.</summary>
internal static class PluginInput
{
    private static readonly ImmutableArray<string> s_ours = ["name", "cniVersion", "prevResult", "runtimeConfig", ValidAttachments, Attachments];

    /// <summary>The specification's key, and the one that its reference library writes beside it.</summary>
    private const string ValidAttachments = "cni.dev/valid-attachments";
    private const string Attachments = "cni.dev/attachments";

    public static byte[] Make(
        NetworkList network,
        PluginEntry plugin,
        CniResult? previous = null,
        IReadOnlyDictionary<string, JsonNode>? capabilities = null,
        IReadOnlyCollection<CniAttachmentKey>? valid = null)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var writer = new Utf8JsonWriter(buffer);
        writer.WriteStartObject();
        writer.WriteString("cniVersion", network.Version.ToString());
        writer.WriteString("name", network.Name);
        foreach (var property in plugin.Config.EnumerateObject().Where(p => !s_ours.Contains(p.Name, StringComparer.Ordinal)))
        {
            property.WriteTo(writer);
        }

        WriteRuntimeConfig(writer, plugin, capabilities);
        if (previous is not null)
        {
            writer.WritePropertyName("prevResult");
            ResultWriter.Write(writer, previous, network.Version);
        }

        if (valid is not null)
        {
            foreach (var key in (ReadOnlySpan<string>)[ValidAttachments, Attachments])
            {
                writer.WriteStartArray(key);
                foreach (var attachment in valid)
                {
                    writer.WriteStartObject();
                    writer.WriteString("containerID", attachment.ContainerId);
                    writer.WriteString("ifname", attachment.InterfaceName);
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            }
        }

        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteRuntimeConfig(Utf8JsonWriter writer, PluginEntry plugin, IReadOnlyDictionary<string, JsonNode>? capabilities)
    {
        var declared = capabilities?.Where(c => plugin.Capabilities.Contains(c.Key)).ToList() ?? [];
        if (declared.Count == 0)
        {
            return;
        }

        writer.WriteStartObject("runtimeConfig");
        foreach (var (name, value) in declared)
        {
            writer.WritePropertyName(name);
            value.WriteTo(writer);
        }

        writer.WriteEndObject();
    }
}
