using System.Collections.Immutable;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime;

/// <summary>The folder of network configurations, read anew for every call: an agent may replace a file at any time.</summary>
internal static class NetworkFiles
{
    private static readonly ImmutableArray<string> s_endings = [".conf", ".conflist", ".json"];

    /// <summary>The network of a name, or the first in lexical order of the files. By name lists come before single plugins, as in libcni.</summary>
    /// <exception cref="CniException">There is none; or the first file, or the one with the name, makes no sense.</exception>
    public static NetworkList Load(string folder, string? name)
    {
        CniException? fault = null;
        var files = Files(folder);
        foreach (var file in name is null ? files : files.OrderByDescending(f => f.EndsWith(".conflist", StringComparison.Ordinal)))
        {
            NetworkList network;
            try
            {
                network = NetworkList.Parse(file, File.ReadAllBytes(file), n => Extra(folder, n));
            }
            catch (FileNotFoundException)
            {
                continue; // replaced while the folder was listed
            }
            catch (CniException e) when (name is not null)
            {
                fault ??= e; // it may be another file that has the name
                continue;
            }

            if (name is null || string.Equals(network.Name, name, StringComparison.Ordinal))
            {
                return network;
            }
        }

        throw fault ?? new CniException(
            CniErrorCode.NotAvailable,
            name is null ? $"no network configuration in {folder}" : $"no network named '{name}' in {folder}{Known(folder)}",
            "the node's agent writes it once the node's network is ready");
    }

    private static string Known(string folder)
    {
        var names = new List<string>();
        foreach (var file in Files(folder))
        {
            try
            {
                names.Add(NetworkList.Parse(file, File.ReadAllBytes(file), _ => []).Name);
            }
            catch (Exception e) when (e is CniException or IOException)
            {
                // One that cannot be read has no name to tell.
            }
        }

        return names.Count == 0 ? "" : $"; there are: {string.Join(", ", names.Distinct(StringComparer.Ordinal))}";
    }

    private static IEnumerable<string> Files(string folder) => Directory.Exists(folder)
        ? Directory.EnumerateFiles(folder)
            .Where(f => s_endings.Contains(Path.GetExtension(f), StringComparer.Ordinal))
            .Order(StringComparer.Ordinal)
        : [];

    /// <summary>SPEC 1.1.0: plugins in a folder named after the network join the list unless it says loadOnlyInlinedPlugins.</summary>
    private static IEnumerable<PluginEntry> Extra(string folder, string network)
        => Files(Path.Combine(folder, network)).Where(f => f.EndsWith(".conf", StringComparison.Ordinal)).SelectMany(file =>
        {
            var list = NetworkList.Parse(file, WithName(File.ReadAllBytes(file), network));
            return list.Plugins;
        });

    /// <summary>A plugin's own file has no network's name; the reader of networks wants one.</summary>
    private static byte[] WithName(byte[] text, string network)
    {
        try
        {
            var node = System.Text.Json.Nodes.JsonNode.Parse(text);
            if (node is System.Text.Json.Nodes.JsonObject o && !o.ContainsKey("name"))
            {
                o["name"] = network;
                return System.Text.Encoding.UTF8.GetBytes(o.ToJsonString());
            }
        }
        catch (System.Text.Json.JsonException)
        {
            // The reader reports it with the file's name.
        }

        return text;
    }
}
