using System.Collections.Immutable;
using System.Text.Json;

namespace Fairlead.Cni.Protocol;

/// <summary>A plugin's configuration as it came on standard input: what all plugins share, and the root for what each has of its own.</summary>
internal sealed class NetworkConfig : IDisposable
{
    private readonly JsonDocument _document;
    private CniResult? _previous;

    private NetworkConfig(JsonDocument document, ReadOnlyMemory<byte> text)
    {
        _document = document;
        Text = text;
        Root = new ConfigNode(document.RootElement, "");
    }

    /// <summary>The bytes as they came: a delegate gets them unchanged.</summary>
    public ReadOnlyMemory<byte> Text { get; }

    public ConfigNode Root { get; }

    public CniVersion Version { get; private init; }

    public string Name { get; private init; } = "";

    public string Type { get; private init; } = "";

    public ConfigNode Ipam => Root["ipam"];

    /// <summary>What the runtime adds for the capabilities that the plugin declares.</summary>
    public ConfigNode Runtime => Root["runtimeConfig"];

    /// <summary>What the user adds for CNI as a whole.</summary>
    public ConfigNode CniArgs => Root["args"]["cni"];

    /// <summary>The result of the plugin before this one, or of the ADD that is now checked or undone.</summary>
    public CniResult? Previous => _previous ?? (Root["prevResult"] is { Exists: true } node ? ResultReader.Read(node, Version) : null);

    /// <summary>GC: what must stay; null where the runtime did not say, so that nothing may go.</summary>
    public ImmutableArray<CniAttachmentKey>? ValidAttachments
    {
        get
        {
            var node = Root["cni.dev/valid-attachments"];
            node = node.Exists ? node : Root["cni.dev/attachments"];
            return node.Exists
                ? [.. node.Items().Select(item => new CniAttachmentKey(item["containerID"].Text(), item["ifname"].Text()))]
                : null;
        }
    }

    /// <exception cref="CniException">The text is no JSON, of another version, or its name is none.</exception>
    public static NetworkConfig Parse(ReadOnlyMemory<byte> text)
    {
        var document = ParseJson(text);
        try
        {
            var root = new ConfigNode(document.RootElement, "");
            var config = new NetworkConfig(document, text)
            {
                Version = CniVersion.Parse(root["cniVersion"].Text()),
                Name = root["name"].Text(),
                Type = root["type"].Text(),
            };
            if (config.Name.Length == 0)
            {
                throw root["name"].Fault("is missing");
            }

            return CniNames.IsName(config.Name)
                ? config
                : throw root["name"].Fault($"'{config.Name}' holds characters that a network name may not");
        }
        catch
        {
            document.Dispose();
            throw;
        }
    }

    /// <summary>The same with another result before it, for a plugin that is called by another one. It ends with this one.</summary>
    public NetworkConfig With(CniResult previous) => new(_document, Text) { Version = Version, Name = Name, Type = Type, _previous = previous };

    public void Dispose() => _document.Dispose();

    private static JsonDocument ParseJson(ReadOnlyMemory<byte> text)
    {
        try
        {
            return JsonDocument.Parse(text);
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.Decoding, $"network configuration: {e.Message}", inner: e);
        }
    }
}
