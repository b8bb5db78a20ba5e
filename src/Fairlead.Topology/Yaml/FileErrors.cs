using System.Collections.Immutable;
using YamlDotNet.RepresentationModel;

namespace Fairlead.Topology.Yaml;

/// <summary>What is wrong with a file so far, and where in it each field stands.</summary>
internal sealed class FileErrors
{
    private readonly List<TopologyDiagnostic> _found = [];
    private readonly Dictionary<string, (int Line, int Column)> _places = new(StringComparer.Ordinal);

    public bool Any => _found.Count > 0;

    /// <summary>Notes where a field stands.</summary>
    public void Place(string path, YamlNode node) => _places[path] = PlaceOf(node);

    public void Add(string path, YamlNode node, string message, string remedy)
        => _found.Add(new TopologyDiagnostic(path, message, remedy) { At = PlaceOf(node) });

    /// <summary>Everything found, with what a compiler found about fields, in the order of the file.</summary>
    public ImmutableArray<TopologyDiagnostic> With(IEnumerable<TopologyDiagnostic> others)
        => [.. _found.Concat(others.Select(Located)).OrderBy(d => d.At).ThenBy(d => d.Path, StringComparer.Ordinal)];

    private static (int Line, int Column) PlaceOf(YamlNode node) => ((int)Math.Max(node.Start.Line, 1), (int)Math.Max(node.Start.Column, 1));

    /// <summary>The place of a field, or else of the nearest thing around it.</summary>
    private TopologyDiagnostic Located(TopologyDiagnostic diagnostic)
    {
        for (var path = diagnostic.Path; ; path = Outer(path))
        {
            if (_places.TryGetValue(path, out var place))
            {
                return diagnostic with { At = place };
            }

            if (path.Length == 0)
            {
                return diagnostic with { At = (1, 1) };
            }
        }
    }

    private static string Outer(string path)
    {
        var end = Math.Max(path.LastIndexOf('.'), path.LastIndexOf('['));
        return end < 0 ? "" : path[..end];
    }
}
