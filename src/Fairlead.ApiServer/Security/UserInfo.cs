using System.Collections.Immutable;

namespace Fairlead.ApiServer.Security;

/// <summary>Who sends a request.</summary>
internal sealed record UserInfo(string Name, ImmutableArray<string> Groups, string Uid = "")
{
    public const string Masters = "system:masters", Nodes = "system:nodes", AllAuthenticated = "system:authenticated";

    public static readonly UserInfo Anonymous = new("system:anonymous", ["system:unauthenticated"]);

    /// <summary>The lab itself, over its Unix socket.</summary>
    public static readonly UserInfo Lab = new("system:admin", [Masters, AllAuthenticated]);

    public static UserInfo ServiceAccount(string @namespace, string name, string uid)
        => new($"system:serviceaccount:{@namespace}:{name}", ["system:serviceaccounts", $"system:serviceaccounts:{@namespace}", AllAuthenticated], uid);

    public bool IsIn(string group) => Groups.AsSpan().Contains(group);
}
