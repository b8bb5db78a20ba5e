using System.Collections.Immutable;
using System.Text.Json;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime;

/// <summary>A network: the chain of plugins that its configuration file names.</summary>
internal sealed record NetworkList
{
    public required string Name { get; init; }

    /// <summary>Where it was read.</summary>
    public required string File { get; init; }

    /// <summary>The versions that the file offers and that are spoken here, lowest first.</summary>
    public required ImmutableArray<CniVersion> Offered { get; init; }

    /// <summary>The one in which the plugins are spoken to.</summary>
    public required CniVersion Version { get; init; }

    public bool DisableCheck { get; init; }

    public bool DisableGc { get; init; }

    /// <summary>What the cache keeps: the file's own bytes, or those with the plugins of the network's folder put into the list.</summary>
    public required ReadOnlyMemory<byte> Text { get; init; }

    public required ImmutableArray<PluginEntry> Plugins { get; init; }

    /// <summary>Reads a list, or a single plugin's configuration as a list of one.</summary>
    /// <param name="file">What faults name.</param>
    /// <param name="text">The file's bytes.</param>
    /// <param name="extra">Reads the plugins of a folder named after the network, which 1.1.0 adds to those in the list.</param>
    /// <exception cref="CniException">The text is no configuration.</exception>
    public static NetworkList Parse(string file, ReadOnlyMemory<byte> text, Func<string, IEnumerable<PluginEntry>>? extra = null)
    {
        JsonElement element;
        try
        {
            var reader = new Utf8JsonReader(text.Span);
            element = JsonElement.ParseValue(ref reader);
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.Decoding, $"{file}: {e.Message}", inner: e);
        }

        var root = new ConfigNode(element, file);
        var name = root["name"].Text();
        if (!CniNames.IsName(name))
        {
            throw root["name"].Fault(name.Length == 0 ? "is missing" : $"'{name}' holds characters that a network name may not");
        }

        var list = root["plugins"];
        var plugins = (list.Exists ? list.Items().Select(PluginEntry.Read) : root["type"].Exists ? [PluginEntry.Read(root)] : []).ToList();
        if (extra is not null && !root["loadOnlyInlinedPlugins"].Flag() && !IsSingle(root) && extra(name).ToList() is { Count: > 0 } more)
        {
            plugins.AddRange(more);
            text = Inline(element, plugins);
        }

        var offered = Offer(root);
        return plugins.Count == 0
            ? throw list.Fault("names no plugin")
            : new NetworkList
            {
                Name = name,
                File = file,
                Offered = offered,
                Version = offered[^1],
                DisableCheck = root["disableCheck"].Flag(),
                DisableGc = root["disableGC"].Flag(),
                Text = text,
                Plugins = [.. plugins],
            };
    }

    /// <summary>A single plugin's configuration is no list that others could join.</summary>
    private static bool IsSingle(ConfigNode root) => root["type"].Exists && !root["plugins"].Exists;

    /// <summary>The list with every plugin in it: a DEL goes by what the ADD ran, whatever the folder holds by then.</summary>
    private static byte[] Inline(JsonElement list, List<PluginEntry> plugins)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            foreach (var property in list.EnumerateObject().Where(p => !IsKey(p, "plugins") && !IsKey(p, "loadOnlyInlinedPlugins")))
            {
                property.WriteTo(writer);
            }

            writer.WriteBoolean("loadOnlyInlinedPlugins", true);
            writer.WriteStartArray("plugins");
            foreach (var plugin in plugins)
            {
                plugin.Config.WriteTo(writer);
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return stream.ToArray();

        static bool IsKey(JsonProperty property, string key) => string.Equals(property.Name, key, StringComparison.OrdinalIgnoreCase);
    }

    private static ImmutableArray<CniVersion> Offer(ConfigNode root)
    {
        var offered = root["cniVersions"].Items().Select(v => v.Text())
            .Select(text => CniVersion.TryParse(text, out var version) ? version : throw root["cniVersions"].Fault($"'{text}' is no version"))
            .Where(v => CniVersion.Supported.Contains(v))
            .ToList();
        if (offered.Count == 0 || root["cniVersion"].Exists)
        {
            var single = root["cniVersion"].Text();
            if (offered.Count == 0 || (CniVersion.TryParse(single, out var parsed) && CniVersion.Supported.Contains(parsed)))
            {
                offered.Add(CniVersion.Parse(single));
            }
        }

        return [.. offered.Distinct().Order()];
    }
}

/// <summary>A plugin of a network: its type, the capabilities it declares, and its configuration as written.</summary>
internal sealed record PluginEntry(string Type, ImmutableHashSet<string> Capabilities, JsonElement Config)
{
    /// <summary>The plugin's name, and that of the one it calls for addresses.</summary>
    public IEnumerable<string> Programs
        => new ConfigNode(Config, Type)["ipam"]["type"].Text() is { Length: > 0 } delegated && !delegated.Contains('/', StringComparison.Ordinal) ? [Type, delegated] : [Type];

    public static PluginEntry Read(ConfigNode node)
    {
        var type = node["type"].Text();
        if (type.Length == 0 || type.Contains('/', StringComparison.Ordinal) || type is "." or "..")
        {
            throw node["type"].Fault(type.Length == 0 ? "is missing" : $"'{type}' is no program's name");
        }

        return new PluginEntry(
            type,
            [.. node["capabilities"].Properties().Where(p => p.Value.Flag()).Select(p => p.Key)],
            node.Element.Clone());
    }
}
