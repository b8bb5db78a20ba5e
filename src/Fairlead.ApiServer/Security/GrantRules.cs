using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;

namespace Fairlead.ApiServer.Security;

/// <summary>Nobody gives away more than they have: who writes a role or binds one holds its rules, or may <c>escalate</c> or <c>bind</c>.</summary>
/// <remarks>Kubernetes' privilege escalation prevention. Without it, the right to write bindings would be every right there is.</remarks>
internal static class GrantRules
{
    private const string Group = "rbac.authorization.k8s.io";

    public static bool Concern(ApiResource resource) => resource.Group == Group;

    /// <summary>Throws Forbidden if writing <paramref name="next"/> would grant what the user does not hold. What stays as it was grants nothing.</summary>
    public static void Check(Authorizer authorizer, UserInfo user, ApiResource resource, string @namespace, JsonObject next, JsonObject? old)
    {
        var isBinding = resource.Plural is "rolebindings" or "clusterrolebindings";
        var name = isBinding ? next.Text("roleRef", "name") : next.Text("metadata", "name");
        var roles = isBinding ? next.Text("roleRef", "kind") == "Role" ? "roles" : "clusterroles" : resource.Plural;
        ReadOnlySpan<string> granting = isBinding ? ["subjects", "roleRef"] : ["rules", "aggregationRule"];
        var special = new AccessRequest(isBinding ? "bind" : "escalate", Group, roles, "", @namespace, name);
        if (IsSame(next, old, granting) || authorizer.Allows(user, special))
        {
            return;
        }

        var held = authorizer.RulesOf(user, @namespace).ToImmutableArray();
        var wanted = isBinding
            ? authorizer.RulesOfRole(roles, @namespace, name) ?? throw StatusException.NotFound(new GroupResource(Group, roles), name)
            : RulesIn(next);
        var missing = wanted.SelectMany(Single).Where(w => !held.Any(h => h.Covers(w))).Take(16).Select(r => r.ToString()).ToList();
        if (missing.Count > 0)
        {
            var groups = string.Join(' ', user.Groups.Select(g => $"\"{g}\""));
            throw StatusException.Forbidden(resource.Name, next.Text("metadata", "name"),
                $"user \"{user.Name}\" (groups=[{groups}]) is attempting to grant RBAC permissions not currently held:\n{string.Join('\n', missing)}");
        }
    }

    /// <summary>A role that adds up others by their labels may come to mean anything.</summary>
    private static ImmutableArray<AccessRule> RulesIn(JsonObject role)
        => role["aggregationRule"] is null ? [.. role.Items("rules").Select(AccessRule.From)] : [AccessRule.Everything];

    private static bool IsSame(JsonObject next, JsonObject? old, ReadOnlySpan<string> fields)
    {
        foreach (var field in fields)
        {
            if (old is null || !JsonNode.DeepEquals(next[field], old[field]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>A rule as rules of one verb on one thing each: several rules together may hold what none of them holds alone.</summary>
    private static IEnumerable<AccessRule> Single(AccessRule rule)
    {
        foreach (var verb in rule.Verbs)
        {
            foreach (var (group, resource) in rule.Groups.SelectMany(_ => rule.Resources, (g, r) => (g, r)))
            {
                foreach (var names in rule.Names.IsEmpty ? [[]] : rule.Names.Select(n => (ImmutableArray<string>)[n]))
                {
                    yield return new AccessRule([verb], [group], [resource], names, []);
                }
            }

            foreach (var path in rule.Paths)
            {
                yield return new AccessRule([verb], [], [], [], [path]);
            }
        }
    }
}
