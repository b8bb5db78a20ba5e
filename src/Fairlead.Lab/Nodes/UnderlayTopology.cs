using System.Collections.Immutable;
using System.Net;
using Fairlead.Linux;
using Fairlead.Topology;

namespace Fairlead.Lab.Nodes;

/// <summary>Draws the network of an <see cref="UnderlayPlan"/>: nodes on two switches, a router between, and the host beyond it.</summary>
/// <remarks>
/// <code>
///   node1 ── net1 ┐                  ┌ net2 ── node3
///   node2 ── net1 ┴── router (.1) ───┴ net2
///                        │ .1
///                        │ .2  the host, where the API server listens
/// </code>
/// Nothing is translated on the way, so that a server on the host sees a node's own address.
/// </remarks>
internal static class UnderlayTopology
{
    private const string Host = "host";
    private const string Router = "router";

    public static NetworkTopology Draw(string lab, UnderlayPlan plan)
    {
        var hosts = ImmutableArray.CreateBuilder<TopologyHost>();
        var links = ImmutableArray.CreateBuilder<TopologyLink>();

        hosts.Add(new TopologyHost(Host) { Routes = [.. plan.Subnets.Select(subnet => new TopologyRoute(subnet, UnderlayPlan.RouterAddress(plan.HostSubnet)))] });
        hosts.Add(new TopologyHost(Router) { Namespace = plan.RouterNamespace, Forwarding = true });
        links.Add(new TopologyLink(
            new TopologyEnd(Router, "host0") { Addresses = [First(plan.HostSubnet)] },
            new TopologyEnd(Host, plan.HostLink) { Addresses = [new InterfaceAddress(plan.HostAddress, 24)] }));

        foreach (var node in plan.Nodes)
        {
            hosts.Add(new TopologyHost(node.Name) { Namespace = node.Namespace, Gateways = [UnderlayPlan.RouterAddress(plan.Subnets[node.Subnet])] });
            links.Add(new TopologyLink(
                new TopologyEnd(node.Name, "eth0") { Addresses = [new InterfaceAddress(node.Address, 24)] },
                new TopologyEnd(Router, node.Name) { Switch = $"net{node.Subnet + 1}" }));
        }

        // A dot, which no topology of a person's has in its name.
        return new NetworkTopology(
            $"lab.{lab}",
            hosts.ToImmutable(),
            [.. plan.Subnets.Select((subnet, i) => new TopologySwitch($"net{i + 1}", Router) { Addresses = [First(subnet)] })],
            links.ToImmutable());
    }

    private static InterfaceAddress First(IPNetwork subnet) => new(UnderlayPlan.RouterAddress(subnet), subnet.PrefixLength);
}
