using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Fairlead.Topology.State;

/// <summary>What is or may be in the kernel of one topology, written before it is made: the marks in the kernel say the same, but not where to look.</summary>
/// <param name="Name">The topology.</param>
/// <param name="Namespaces">The namespaces of its hosts, by host.</param>
/// <param name="Settings">The machine's settings that it asks for.</param>
/// <param name="Former">What settings of the machine were before, to be put back.</param>
/// <param name="Boot">The boot that <paramref name="Former"/> is of: the next begins with the machine's own settings.</param>
/// <param name="Persisted">Files that bring it back after a boot.</param>
internal sealed record TopologyRecord(
    string Name,
    ImmutableSortedDictionary<string, string> Namespaces,
    ImmutableSortedDictionary<string, string> Settings,
    ImmutableSortedDictionary<string, string> Former,
    string Boot,
    ImmutableArray<string> Persisted);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(TopologyRecord))]
internal sealed partial class TopologyRecordJson : JsonSerializerContext;
