namespace Fairlead.ApiServer.Security;

/// <summary>What a request wants to do, as RBAC rules speak of it.</summary>
internal sealed record AccessRequest(string Verb, string Group, string Resource, string Subresource, string Namespace, string Name)
{
    /// <summary>Set for paths that are no resource, such as <c>/healthz</c>.</summary>
    public string? Path { get; init; }

    public static AccessRequest NonResource(string verb, string path) => new(verb, "", "", "", "", "") { Path = path };

    /// <summary>The refusal, in Kubernetes' words.</summary>
    public string Refusal(UserInfo user)
    {
        if (Path is not null)
        {
            return $"User \"{user.Name}\" cannot {Verb} path \"{Path}\"";
        }

        var what = Subresource.Length == 0 ? Resource : $"{Resource}/{Subresource}";
        var where = Namespace.Length == 0 ? "at the cluster scope" : $"in the namespace \"{Namespace}\"";
        return $"User \"{user.Name}\" cannot {Verb} resource \"{what}\" in API group \"{Group}\" {where}";
    }
}
