using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Agent.Ipam;

/// <summary>What the cluster was like when its API last answered, kept on disk: what an agent goes by that starts while the API is away.</summary>
/// <remarks>The Nodes are kept, not what was made of them, so that a newer agent reads an older one's file as it would read the API.</remarks>
internal sealed class LastKnown(string stateFolder)
{
    private readonly string _file = Path.Combine(stateFolder, "last-known.json");

    /// <param name="At">When the API last said so.</param>
    /// <param name="Nodes">The Nodes, trimmed.</param>
    /// <param name="InUse">The ranges that this node's pods have had.</param>
    internal sealed record State(DateTimeOffset At, IReadOnlyList<Node> Nodes, EquatableArray<IPNetwork> InUse);

    public string File => _file;

    /// <summary>Null where there is none, or none that can be read: it is then as if the node were new.</summary>
    public State? Read()
    {
        try
        {
            var root = JsonNode.Parse(System.IO.File.ReadAllBytes(_file));
            return root is null ? null : new(
                DateTimeOffset.Parse((string)root["at"]!, CultureInfo.InvariantCulture),
                [.. root["nodes"]!.AsArray().Select(n => KubeJson.FromNode<Node>(n!))],
                root["inUse"]!.AsArray().Select(r => IPNetwork.Parse((string)r!)).ToEquatableArray());
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or FormatException or InvalidOperationException or NullReferenceException)
        {
            return null;
        }
    }

    public void Write(State state)
    {
        var root = new JsonObject
        {
            ["at"] = state.At.ToString("O", CultureInfo.InvariantCulture),
            ["inUse"] = new JsonArray([.. state.InUse.Select(r => JsonValue.Create(r.ToString()))]),
            ["nodes"] = new JsonArray([.. state.Nodes.OrderBy(n => n.Metadata.Name, StringComparer.Ordinal).Select(KubeJson.ToNode)]),
        };
        Directory.CreateDirectory(stateFolder);
        using (var file = new FileStream(_file + ".new", FileMode.Create, FileAccess.Write))
        {
            using (var writer = new Utf8JsonWriter(file))
            {
                root.WriteTo(writer);
            }

            file.Flush(flushToDisk: true);      // an empty file after a power cut would be a node that knows nothing
        }

        System.IO.File.Move(_file + ".new", _file, overwrite: true);
    }
}
