using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Admission;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Resources;

namespace Fairlead.ApiServer.Bootstrap;

/// <summary>Makes what every cluster has before anybody asks: namespaces, roles, and the <c>kubernetes</c> Service that leads here.</summary>
internal static class BuiltInObjects
{
    public static async Task EnsureAsync(ObjectWriter writer, CancellationToken ct)
    {
        var namespaces = ResourceCatalog.Stored("", "namespaces");
        foreach (var name in (string[])["default", "kube-node-lease", "kube-public", "kube-system"])
        {
            await writer.EnsureAsync(namespaces, "", Named("v1", "Namespace", name), ct);
        }

        var roles = ResourceCatalog.Stored("rbac.authorization.k8s.io", "clusterroles");
        var bindings = ResourceCatalog.Stored("rbac.authorization.k8s.io", "clusterrolebindings");
        await Task.WhenAll([
            .. BuiltInRoles.ClusterRoles().Select(r => writer.EnsureAsync(roles, "", r, ct)),
            .. BuiltInRoles.ClusterRoleBindings().Select(b => writer.EnsureAsync(bindings, "", b, ct)),
        ]);
    }

    /// <summary>The way from inside the cluster to this server.</summary>
    public static async Task EnsureServiceAsync(ObjectWriter writer, IPNetwork services, IPEndPoint advertise, CancellationToken ct)
    {
        var service = Named("v1", "Service", "kubernetes");
        service.Child("metadata")["labels"] = new JsonObject { ["component"] = "apiserver", ["provider"] = "kubernetes" };
        service["spec"] = new JsonObject
        {
            ["type"] = "ClusterIP",
            ["clusterIP"] = ServiceRange.First(services).ToString(),
            ["ports"] = new JsonArray((JsonNode)new JsonObject { ["name"] = "https", ["protocol"] = "TCP", ["port"] = 443, ["targetPort"] = advertise.Port }),
        };
        await writer.EnsureAsync(ResourceCatalog.Stored("", "services"), "default", service, ct);

        var slice = Named("discovery.k8s.io/v1", "EndpointSlice", "kubernetes");
        slice.Child("metadata")["labels"] = new JsonObject { ["kubernetes.io/service-name"] = "kubernetes" };
        slice["addressType"] = advertise.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? "IPv6" : "IPv4";
        slice["endpoints"] = new JsonArray((JsonNode)new JsonObject
        {
            ["addresses"] = new JsonArray(advertise.Address.ToString()),
            ["conditions"] = new JsonObject { ["ready"] = true },
        });
        slice["ports"] = new JsonArray((JsonNode)new JsonObject { ["name"] = "https", ["port"] = advertise.Port, ["protocol"] = "TCP" });
        await PutAsync(writer, ResourceCatalog.Stored("discovery.k8s.io", "endpointslices"), slice, ct);

        var endpoints = Named("v1", "Endpoints", "kubernetes");
        endpoints.Child("metadata")["labels"] = new JsonObject { ["endpointslice.kubernetes.io/skip-mirror"] = "true" };
        endpoints["subsets"] = new JsonArray((JsonNode)new JsonObject
        {
            ["addresses"] = new JsonArray((JsonNode)new JsonObject { ["ip"] = advertise.Address.ToString() }),
            ["ports"] = new JsonArray((JsonNode)new JsonObject { ["name"] = "https", ["port"] = advertise.Port, ["protocol"] = "TCP" }),
        });
        await PutAsync(writer, ResourceCatalog.Stored("", "endpoints"), endpoints, ct);
    }

    /// <summary>The server may come back on another port: these follow it.</summary>
    private static async Task PutAsync(ObjectWriter writer, ApiResource resource, JsonObject value, CancellationToken ct)
    {
        await writer.EnsureAsync(resource, "default", (JsonObject)value.DeepClone(), ct);
        await writer.UpdateAsync(resource, "default", value.Text("metadata", "name"), "", old =>
        {
            foreach (var (name, child) in value)
            {
                if (name != "metadata")
                {
                    old[name] = child?.DeepClone();
                }
            }

            return old;
        }, new WriteOptions(), ct);
    }

    private static JsonObject Named(string version, string kind, string name)
        => new() { ["apiVersion"] = version, ["kind"] = kind, ["metadata"] = new JsonObject { ["name"] = name } };
}
