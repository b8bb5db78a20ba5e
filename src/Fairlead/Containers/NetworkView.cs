using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.CommandLine;
using Fairlead.Linux;
using Fairlead.Topology.Containers;
using Fairlead.Topology.Containers.State;
using Spectre.Console;

namespace Fairlead.Containers;

/// <summary>Shows networks of containers.</summary>
internal static class NetworkView
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    public static void Write(IAnsiConsole console, IEnumerable<NetworkRecord> networks, IReadOnlyList<ContainerRecord> containers)
    {
        var table = PlainTable.Create("NAME", "ID", "BRIDGE", "SUBNET", "GATEWAY", "INTERNAL", "CONTAINERS");
        var there = networks.ToDictionary(n => n.Name, StringComparer.Ordinal);
        foreach (var name in there.Keys.Union([NetworkNames.Bridge, NetworkNames.Host, NetworkNames.None], StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var members = string.Join(",", Members(name, containers).Select(m => m.Name));
            var network = there.GetValueOrDefault(name);
            PlainTable.Row(
                table, name, network?.Id[..12] ?? "-", network?.Bridge ?? "-", Join(network, s => s.Range), Join(network, s => s.Gateway), network?.Internal == true ? "yes" : "no",
                members.Length == 0 ? "-" : members);
        }

        console.Write(table);
    }

    /// <summary>The form of Docker's <c>network inspect</c>.</summary>
    public static string ToJson(IEnumerable<NetworkRecord> networks, IReadOnlyList<ContainerRecord> containers)
        => new JsonArray([.. networks.Select(n => (JsonNode)Inspect(n, containers))]).ToJsonString(s_indented);

    private static JsonObject Inspect(NetworkRecord network, IReadOnlyList<ContainerRecord> containers) => new JsonObject
    {
        ["Name"] = network.Name,
        ["Id"] = network.Id,
        ["Created"] = network.Created,
        ["Scope"] = "local",
        ["Driver"] = "bridge",
        ["EnableIPv4"] = true,
        ["EnableIPv6"] = network.Subnets.Count > 1,
        ["IPAM"] = new JsonObject
        {
            ["Driver"] = "default",
            ["Config"] = new JsonArray([.. network.Subnets.Select(s =>
            {
                var config = new JsonObject { ["Subnet"] = s.Range, ["Gateway"] = s.Gateway };
                if (s.Pool is { } pool)
                {
                    config["IPRange"] = pool;
                }

                return (JsonNode)config;
            })]),
        },
        ["Internal"] = network.Internal,
        ["Containers"] = new JsonObject(Members(network.Name, containers).Select(m => KeyValuePair.Create(m.Id, (JsonNode?)new JsonObject
        {
            ["Name"] = m.Name,
            ["MacAddress"] = m.Mac,
            ["IPv4Address"] = Address(m, AddressFamily.InterNetwork),
            ["IPv6Address"] = Address(m, AddressFamily.InterNetworkV6),
        }))),
        ["Options"] = new JsonObject { ["com.docker.network.bridge.name"] = network.Bridge },
        ["Labels"] = new JsonObject(network.Labels.OrderBy(l => l.Key, StringComparer.Ordinal).Select(l => KeyValuePair.Create(l.Key, (JsonNode?)l.Value))),
    };

    private static IEnumerable<ContainerRecord> Members(string network, IEnumerable<ContainerRecord> containers)
        => containers.Where(c => c.State != ContainerState.Exited && c.Options.Network == network);

    private static string Address(ContainerRecord container, AddressFamily family)
        => container.Addresses.FirstOrDefault(a => InterfaceAddress.Parse(a).Address.AddressFamily == family) ?? "";

    private static string Join(NetworkRecord? network, Func<NetworkSubnet, string> of) => network is null ? "-" : string.Join(",", network.Subnets.Select(of));
}
