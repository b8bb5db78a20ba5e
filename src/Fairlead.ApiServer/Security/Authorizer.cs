using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Security;

/// <summary>Decides what a user may do: everything for <c>system:masters</c>, what a node needs for nodes, and RBAC for all.</summary>
/// <remarks>The rules are compiled from the stored objects and compiled anew when one of those changes.</remarks>
internal sealed class Authorizer(ObjectStore store)
{
    private static readonly string[] s_resources = ["roles", "rolebindings", "clusterroles", "clusterrolebindings"];
    private Compiled _compiled = new([-1, -1, -1, -1], []);

    private sealed record Compiled(long[] Versions, ImmutableArray<Grant> Grants);

    /// <summary>Some subjects may use some rules, in one namespace or (empty) everywhere.</summary>
    private sealed record Grant(string Namespace, ImmutableArray<string> Users, ImmutableArray<string> Groups, ImmutableArray<AccessRule> Rules);

    public bool Allows(UserInfo user, AccessRequest request)
    {
        if (user.IsIn(UserInfo.Masters) || IsPublic(request) || (user.IsIn(UserInfo.Nodes) && NodeRules.Allows(user, request)))
        {
            return true;
        }

        foreach (var grant in Current().Grants)
        {
            if ((grant.Namespace.Length == 0 || (grant.Namespace == request.Namespace && request.Path is null))
                && Covers(grant, user) && grant.Rules.Any(r => r.Allows(request)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The rules that hold for a user in a namespace: what <c>kubectl auth can-i --list</c> shows.</summary>
    public IEnumerable<AccessRule> RulesOf(UserInfo user, string @namespace)
    {
        if (user.IsIn(UserInfo.Masters))
        {
            return [AccessRule.Everything];
        }

        return Current().Grants.Where(g => (g.Namespace.Length == 0 || g.Namespace == @namespace) && Covers(g, user)).SelectMany(g => g.Rules);
    }

    /// <summary>The rules of one role, or null if there is none of that name. <paramref name="resource"/> is <c>roles</c> or <c>clusterroles</c>.</summary>
    public ImmutableArray<AccessRule>? RulesOfRole(string resource, string @namespace, string name)
    {
        var key = StoredObject.KeyOf(resource == "roles" ? @namespace : "", name);
        return State(resource).Objects.GetValueOrDefault(key) is { } role ? RulesOf(role.Parse(), ClusterRoles(State("clusterroles"))) : null;
    }

    private static bool IsPublic(AccessRequest request) => request is { Verb: "get", Path: "/version" or "/healthz" or "/livez" or "/readyz" };

    private static bool Covers(Grant grant, UserInfo user)
        => grant.Users.AsSpan().Contains(user.Name) || grant.Groups.Any(user.IsIn);

    private Compiled Current()
    {
        var states = s_resources.Select(State).ToArray();
        var compiled = Volatile.Read(ref _compiled);
        if (!states.Select(s => s.Version).SequenceEqual(compiled.Versions))
        {
            compiled = new Compiled([.. states.Select(s => s.Version)], Compile(states));
            Volatile.Write(ref _compiled, compiled);
        }

        return compiled;
    }

    private ResourceState State(string resource) => store.Resource($"{resource}.rbac.authorization.k8s.io").State;

    private static Dictionary<string, StoredObject> ClusterRoles(ResourceState state)
        => state.Objects.Values.ToDictionary(o => o.Name.ToString(), o => o, StringComparer.Ordinal);

    private static ImmutableArray<Grant> Compile(ResourceState[] states)
    {
        var clusterRoles = ClusterRoles(states[2]);
        var grants = ImmutableArray.CreateBuilder<Grant>();
        foreach (var binding in states[1].Objects.Values.Concat(states[3].Objects.Values))
        {
            var value = binding.Parse();
            var (kind, name, @namespace) = (value.Text("roleRef", "kind"), value.Text("roleRef", "name"), binding.Namespace.ToString());
            var role = kind == "Role" ? states[0].Objects.GetValueOrDefault(StoredObject.KeyOf(@namespace, name)) : clusterRoles.GetValueOrDefault(name);
            if (role is not null)
            {
                grants.Add(new Grant(@namespace, Users(value, @namespace), [.. Named(value, "Group")], RulesOf(role.Parse(), clusterRoles)));
            }
        }

        return grants.ToImmutable();
    }

    private static ImmutableArray<string> Users(JsonObject binding, string @namespace)
        => [.. Named(binding, "User").Concat(binding.Items("subjects").Where(s => s.Text("kind") == "ServiceAccount")
            .Select(s => $"system:serviceaccount:{(s.Text("namespace") is { Length: > 0 } given ? given : @namespace)}:{s.Text("name")}"))];

    private static IEnumerable<string> Named(JsonObject binding, string kind)
        => binding.Items("subjects").Where(s => s.Text("kind") == kind).Select(s => s.Text("name"));

    /// <summary>A role with an aggregation rule is the sum of the roles that carry the labels it asks for.</summary>
    private static ImmutableArray<AccessRule> RulesOf(JsonObject role, Dictionary<string, StoredObject> clusterRoles)
    {
        var rules = role.Items("rules").Select(AccessRule.From);
        foreach (var selector in role.Items("aggregationRule", "clusterRoleSelectors"))
        {
            var wanted = selector.Entries("matchLabels").ToList();
            rules = rules.Concat(clusterRoles.Values
                .Where(r => wanted.Count > 0 && wanted.All(w => r.Labels.GetValueOrDefault(w.Key) == w.Value.Text()))
                .SelectMany(r => r.Parse().Items("rules")).Select(AccessRule.From));
        }

        return [.. rules];
    }
}
