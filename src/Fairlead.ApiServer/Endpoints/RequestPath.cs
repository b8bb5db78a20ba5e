using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>A request path that names a resource: <c>/api/v1/namespaces/NS/pods/NAME/log</c>, <c>/apis/apps/v1/deployments</c>.</summary>
internal sealed record RequestPath(string Group, string Version, string Resource, string Namespace, string Name, string Subresource)
{
    /// <summary>The older way to ask for a watch: <c>/api/v1/watch/…</c>.</summary>
    public bool Watch { get; init; }

    /// <summary>Whether the place that is named is one where the resource can be.</summary>
    /// <remarks>
    /// What is in no namespace must not be reached through one: a right that ends with a namespace would reach the whole cluster.
    /// A Namespace itself counts as inside itself, so that its own administrators may read it.
    /// </remarks>
    public bool Fits(ApiResource resource)
        => resource.Namespaced || Namespace.Length == 0 || (resource is { Group: "", Plural: "namespaces" } && Namespace == Name);

    public ApiResource? Find() => ResourceCatalog.Find(Group, Version, Resource);

    /// <summary>Null for a path that is not a resource's.</summary>
    public static RequestPath? Parse(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.UnescapeDataString).ToArray();
        return parts switch
        {
            ["api", var version, .. var rest] when rest.Length > 0 => Parse("", version, rest),
            ["apis", var group, var version, .. var rest] when rest.Length > 0 => Parse(group, version, rest),
            _ => null,
        };
    }

    private static RequestPath? Parse(string group, string version, string[] rest)
    {
        if (rest is ["watch", .. var watched] && watched.Length > 0)
        {
            return Parse(group, version, watched) is { } inner ? inner with { Watch = true } : null;
        }

        return rest switch
        {
            // A namespace's own subresources, before the resources inside it.
            ["namespaces", var name, ("status" or "finalize") and var sub] => new(group, version, "namespaces", name, name, sub),
            ["namespaces", var @namespace, var resource] => new(group, version, resource, @namespace, "", ""),
            ["namespaces", var @namespace, var resource, var name] => new(group, version, resource, @namespace, name, ""),
            ["namespaces", var @namespace, var resource, var name, var sub] => new(group, version, resource, @namespace, name, sub),
            ["namespaces", var name] => new(group, version, "namespaces", name, name, ""),
            [var resource] => new(group, version, resource, "", "", ""),
            [var resource, var name] => new(group, version, resource, "", name, ""),
            [var resource, var name, var sub] => new(group, version, resource, "", name, sub),
            _ => null,
        };
    }
}
