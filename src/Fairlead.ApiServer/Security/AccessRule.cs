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
            return Paths.Any(p => p == path || (p.EndsWith('*') && path.StartsWith(p[..^1], StringComparison.Ordinal)));
        }

        return Has(Groups, request.Group) && HasResource(request) && (Names.IsEmpty || Names.AsSpan().Contains(request.Name));
    }

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
