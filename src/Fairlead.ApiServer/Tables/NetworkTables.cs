using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Selection;
using static Fairlead.ApiServer.Tables.TableColumns;

namespace Fairlead.ApiServer.Tables;

/// <summary>The columns of Services, endpoints, Ingresses and NetworkPolicies.</summary>
internal static class NetworkTables
{
    private const int MaxShown = 3;

    public static readonly TableColumns Services = new(
    [
        Name,
        Text("Type", o => o.Text("spec", "type")),
        Text("Cluster-IP", o => o.Text("spec", "clusterIP") is { Length: > 0 } ip ? ip : "<none>"),
        Text("External-IP", ExternalIp),
        Text("Port(s)", ServicePorts),
        Age,
        Text("Selector", o => LabelSelectors.ShowLabels(o.At("spec", "selector")), 1),
    ]);

    public static readonly TableColumns Endpoints = new(
    [
        Name,
        Text("Endpoints", o => Some(o.Items("subsets").SelectMany(SubsetAddresses).ToList(), "<none>")),
        Age,
    ]);

    public static readonly TableColumns EndpointSlices = new(
    [
        Name,
        Text("AddressType", o => o.Text("addressType")),
        Text("Ports", o => Some(o.Items("ports").Select(p => p.At("port").Display() is { Length: > 0 } n ? n : "*").ToList(), "<unset>")),
        Text("Endpoints", o => Some(o.Items("endpoints").SelectMany(e => e.Items("addresses")).Select(a => a.Text()).ToList(), "<unset>")),
        Age,
    ]);

    public static readonly TableColumns Ingresses = new(
    [
        Name,
        Text("Class", o => o.Text("spec", "ingressClassName") is { Length: > 0 } name ? name
            : o.Text("metadata", "annotations", "kubernetes.io/ingress.class") is { Length: > 0 } old ? old : "<none>"),
        Text("Hosts", Hosts),
        Text("Address", o => string.Join(',', o.Items("status", "loadBalancer", "ingress").Select(i => i.Text("ip") is { Length: > 0 } ip ? ip : i.Text("hostname")))),
        Text("Ports", o => o.Items("spec", "tls").Any() ? "80, 443" : "80"),
        Age,
    ]);

    public static readonly TableColumns IngressClasses = new(
    [
        Name,
        Text("Controller", o => o.Text("spec", "controller")),
        Text("Parameters", o => o.At("spec", "parameters") is { } p
            ? $"{p.Text("kind")}{(p.Text("apiGroup") is { Length: > 0 } group ? $".{group}" : "")}/{p.Text("name")}" : "<none>"),
        Age,
    ]);

    public static readonly TableColumns NetworkPolicies = new(
    [
        Name,
        Text("Pod-Selector", o => LabelSelectors.Show(o.At("spec", "podSelector"))),
        Age,
    ]);

    private static string ExternalIp(JsonObject service)
    {
        var external = service.Items("spec", "externalIPs").Select(i => i.Text()).ToList();
        var assigned = service.Items("status", "loadBalancer", "ingress").Select(i => i.Text("ip") is { Length: > 0 } ip ? ip : i.Text("hostname")).ToList();
        return service.Text("spec", "type") switch
        {
            "ExternalName" => service.Text("spec", "externalName"),
            "LoadBalancer" when assigned.Count + external.Count > 0 => string.Join(',', assigned.Concat(external)),
            "LoadBalancer" => "<pending>",
            _ when external.Count > 0 => string.Join(',', external),
            _ => "<none>",
        };
    }

    private static string ServicePorts(JsonObject service)
    {
        var ports = service.Items("spec", "ports").Select(p => p.Number("nodePort") is > 0 and var node
            ? $"{p.Number("port")}:{node}/{p.Text("protocol")}" : $"{p.Number("port")}/{p.Text("protocol")}").ToList();
        return ports.Count == 0 ? "<none>" : string.Join(',', ports);
    }

    private static IEnumerable<string> SubsetAddresses(JsonNode? subset)
    {
        var ports = subset.Items("ports").ToList();
        foreach (var address in subset.Items("addresses"))
        {
            if (ports.Count == 0)
            {
                yield return address.Text("ip");
            }

            foreach (var port in ports)
            {
                yield return $"{address.Text("ip")}:{port.Number("port")}";
            }
        }
    }

    private static string Hosts(JsonObject ingress)
    {
        var hosts = ingress.Items("spec", "rules").Select(r => r.Text("host")).Where(h => h.Length > 0).ToList();
        return Some(hosts, "*");
    }

    private static string Some(List<string> all, string none) => all.Count switch
    {
        0 => none,
        > MaxShown => $"{string.Join(',', all.Take(MaxShown))} + {all.Count - MaxShown} more...",
        _ => string.Join(',', all),
    };
}
