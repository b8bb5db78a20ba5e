using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Tells clients what there is: groups, versions, resources, in the old form and the aggregated one.</summary>
internal static class Discovery
{
    private const string AggregatedType = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    private static readonly string[] s_verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
    private static readonly Lazy<byte[]> s_core = new(() => Aggregated(core: true).ToUtf8());
    private static readonly Lazy<byte[]> s_groups = new(() => Aggregated(core: false).ToUtf8());

    public static Task AnswerAsync(HttpContext context, string path)
    {
        var aggregated = Acceptance.Names(context, "APIGroupDiscoveryList", "v2");
        return path.Split('/', StringSplitOptions.RemoveEmptyEntries) switch
        {
            ["api"] when aggregated => Answers.BytesAsync(context, 200, AggregatedType, s_core.Value),
            ["apis"] when aggregated => Answers.BytesAsync(context, 200, AggregatedType, s_groups.Value),
            ["api"] => Answers.JsonAsync(context, 200, new JsonObject
            {
                ["kind"] = "APIVersions",
                ["versions"] = new JsonArray("v1"),
                ["serverAddressByClientCIDRs"] = new JsonArray((JsonNode)new JsonObject { ["clientCIDR"] = "0.0.0.0/0", ["serverAddress"] = context.Request.Host.Value }),
            }),
            ["apis"] => Answers.JsonAsync(context, 200, new JsonObject
            {
                ["kind"] = "APIGroupList",
                ["apiVersion"] = "v1",
                ["groups"] = new JsonArray([.. NamedGroups().Select(g => (JsonNode)Group(g))]),
            }),
            ["api", "v1"] => Answers.JsonAsync(context, 200, Resources("", "v1")),
            ["apis", var group] when Known(group) => Answers.JsonAsync(context, 200, WithKind(Group(group))),
            ["apis", var group, "v1"] when Known(group) => Answers.JsonAsync(context, 200, Resources(group, $"{group}/v1")),
            _ => throw StatusException.PathNotFound(),
        };
    }

    private static IEnumerable<string> NamedGroups() => ResourceCatalog.Groups.Select(g => g.Key).Where(g => g.Length > 0);

    private static bool Known(string group) => group.Length > 0 && ResourceCatalog.Groups.Any(g => g.Key == group);

    private static JsonObject Group(string group)
    {
        JsonObject Version() => new() { ["groupVersion"] = $"{group}/v1", ["version"] = "v1" };
        return new JsonObject { ["name"] = group, ["versions"] = new JsonArray((JsonNode)Version()), ["preferredVersion"] = Version() };
    }

    private static JsonObject WithKind(JsonObject group)
    {
        group.Insert(0, "kind", "APIGroup");
        group.Insert(1, "apiVersion", "v1");
        return group;
    }

    private static JsonObject Resources(string group, string groupVersion)
    {
        var list = new JsonArray();
        foreach (var resource in ResourceCatalog.All.Where(r => r.Group == group))
        {
            var entry = new JsonObject
            {
                ["name"] = resource.Plural,
                ["singularName"] = resource.Singular,
                ["namespaced"] = resource.Namespaced,
                ["kind"] = resource.Kind,
                ["verbs"] = Texts(VerbsOf(resource)),
            };
            AddNames(entry, resource);
            list.Add((JsonNode)entry);
            foreach (var subresource in resource.Subresources)
            {
                var (g, v, kind, verbs) = SubresourceOf(resource, subresource);
                var sub = new JsonObject { ["name"] = $"{resource.Plural}/{subresource}", ["singularName"] = "", ["namespaced"] = resource.Namespaced };
                if (g != resource.Group)
                {
                    sub["group"] = g;
                    sub["version"] = v;
                }

                sub["kind"] = kind;
                sub["verbs"] = Texts(verbs);
                list.Add((JsonNode)sub);
            }
        }

        return new JsonObject { ["kind"] = "APIResourceList", ["apiVersion"] = "v1", ["groupVersion"] = groupVersion, ["resources"] = list };
    }

    private static JsonObject Aggregated(bool core)
    {
        var items = new JsonArray();
        foreach (var group in ResourceCatalog.Groups.Where(g => g.Key.Length == 0 == core))
        {
            var version = new JsonObject
            {
                ["version"] = "v1",
                ["resources"] = new JsonArray([.. group.Select(r => (JsonNode)Aggregated(r))]),
                ["freshness"] = "Current",
            };
            items.Add((JsonNode)new JsonObject
            {
                ["metadata"] = group.Key.Length == 0 ? new JsonObject() : new JsonObject { ["name"] = group.Key },
                ["versions"] = new JsonArray((JsonNode)version),
            });
        }

        return new JsonObject { ["kind"] = "APIGroupDiscoveryList", ["apiVersion"] = "apidiscovery.k8s.io/v2", ["metadata"] = new JsonObject(), ["items"] = items };
    }

    private static JsonObject Aggregated(ApiResource resource)
    {
        var entry = new JsonObject
        {
            ["resource"] = resource.Plural,
            ["responseKind"] = KindOf(resource.Group, resource.Version, resource.Kind),
            ["scope"] = resource.Namespaced ? "Namespaced" : "Cluster",
            ["singularResource"] = resource.Singular,
            ["verbs"] = Texts(VerbsOf(resource)),
        };
        AddNames(entry, resource);
        if (!resource.Subresources.IsEmpty)
        {
            entry["subresources"] = new JsonArray([.. resource.Subresources.Select(s =>
            {
                var (group, version, kind, verbs) = SubresourceOf(resource, s);
                return (JsonNode)new JsonObject { ["subresource"] = s, ["responseKind"] = KindOf(group, version, kind), ["verbs"] = Texts(verbs) };
            })]);
        }

        return entry;
    }

    private static JsonObject KindOf(string group, string version, string kind) => new() { ["group"] = group, ["version"] = version, ["kind"] = kind };

    private static void AddNames(JsonObject entry, ApiResource resource)
    {
        if (!resource.ShortNames.IsEmpty)
        {
            entry["shortNames"] = Texts(resource.ShortNames);
        }

        if (!resource.Categories.IsEmpty)
        {
            entry["categories"] = Texts(resource.Categories);
        }
    }

    private static string[] VerbsOf(ApiResource resource) => resource switch
    {
        { Ephemeral: true } => ["create"],
        { HasCollection: false } => [.. s_verbs.Where(v => v != "deletecollection")],
        _ => s_verbs,
    };

    private static (string Group, string Version, string Kind, string[] Verbs) SubresourceOf(ApiResource resource, string subresource) => subresource switch
    {
        "binding" => ("", "v1", "Binding", ["create"]),
        "eviction" => ("policy", "v1", "Eviction", ["create"]),
        "scale" => ("autoscaling", "v1", "Scale", ["get", "patch", "update"]),
        "token" => ("authentication.k8s.io", "v1", "TokenRequest", ["create"]),
        "log" => (resource.Group, resource.Version, resource.Kind, ["get"]),
        "finalize" => (resource.Group, resource.Version, resource.Kind, ["update"]),
        _ => (resource.Group, resource.Version, resource.Kind, ["get", "patch", "update"]),
    };

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
