using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Security;

/// <summary>One rule of a Role.</summary>
internal sealed record AccessRule(
    ImmutableArray<string> Verbs, ImmutableArray<string> Groups, ImmutableArray<string> Resources, ImmutableArray<string> Names, ImmutableArray<string> Paths)
{
    public static readonly AccessRule Everything = new(["*"], ["*"], ["*"], [], ["*"]);

    public static AccessRule From(JsonNode? rule)
        => new(Texts(rule, "verbs"), Texts(rule, "apiGroups"), Texts(rule, "resources"), Texts(rule, "resourceNames"), Texts(rule, "nonResourceURLs"));

    public bool Allows(AccessRequest request)
    {
        if (!Has(Verbs, request.Verb))
        {
            return false;
        }

        if (request.Path is { } path)
        {
            return HasPath(path);
        }

        return Has(Groups, request.Group) && HasResource(request) && (Names.IsEmpty || Names.AsSpan().Contains(request.Name));
    }

    /// <summary>Whether a rule of one verb on one thing allows nothing that this one does not.</summary>
    public bool Covers(AccessRule single)
    {
        if (!Has(Verbs, single.Verbs[0]))
        {
            return false;
        }

        if (single.Paths is [var path])
        {
            return HasPath(path);
        }

        var (resource, slash) = (single.Resources[0], single.Resources[0].IndexOf('/', StringComparison.Ordinal));
        return Has(Groups, single.Groups[0])
            && (Has(Resources, resource) || (slash > 0 && Resources.AsSpan().Contains($"*{resource[slash..]}")))
            && (Names.IsEmpty || (single.Names is [var name] && Names.AsSpan().Contains(name)));
    }

    /// <summary>As Kubernetes writes a rule into a refusal.</summary>
    public override string ToString()
    {
        (string Name, ImmutableArray<string> Values)[] parts =
        [
            ("APIGroups", Groups), ("Resources", Resources), ("ResourceNames", Names), ("NonResourceURLs", Paths), ("Verbs", Verbs),
        ];
        return $"{{{string.Join(", ", parts.Where(p => !p.Values.IsEmpty).Select(p => $"{p.Name}:[{string.Join(' ', p.Values.Select(v => $"\"{v}\""))}]"))}}}";
    }

    private bool HasPath(string path) => Paths.Any(p => p == path || (p.EndsWith('*') && path.StartsWith(p[..^1], StringComparison.Ordinal)));

    private bool HasResource(AccessRequest request)
    {
        if (request.Subresource.Length == 0)
        {
            return Has(Resources, request.Resource);
        }

        return Has(Resources, $"{request.Resource}/{request.Subresource}") || Resources.AsSpan().Contains($"*/{request.Subresource}");
    }

    private static bool Has(ImmutableArray<string> list, string value) => list.AsSpan().Contains("*") || list.AsSpan().Contains(value);

    private static ImmutableArray<string> Texts(JsonNode? rule, string field) => [.. rule.Items(field).Select(v => v.Text())];
}
