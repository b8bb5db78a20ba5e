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
    private static readonly IPNetwork s_anywhere = new(IPAddress.Any, 0);

    public static NetworkTopology Draw(string lab, UnderlayPlan plan)
    {
        var hosts = ImmutableArray.CreateBuilder<TopologyHost>();
        var links = ImmutableArray.CreateBuilder<TopologyLink>();

        hosts.Add(new TopologyHost(Host, Namespace: null, Forwarding: false, [],
            [.. plan.Subnets.Select(subnet => new TopologyRoute(subnet, UnderlayPlan.RouterAddress(plan.HostSubnet)))]));
        hosts.Add(new TopologyHost(Router, plan.RouterNamespace, Forwarding: true,
            [.. plan.Subnets.Select((subnet, i) => new TopologySwitch($"net{i + 1}", First(subnet)))], []));
        links.Add(new TopologyLink(
            new TopologyEnd(Router, "host0", First(plan.HostSubnet)),
            new TopologyEnd(Host, plan.HostLink, new InterfaceAddress(plan.HostAddress, 24), AltName: $"fairlead-{lab}")));

        foreach (var node in plan.Nodes)
        {
            hosts.Add(new TopologyHost(node.Name, node.Namespace, Forwarding: false, [],
                [new TopologyRoute(s_anywhere, UnderlayPlan.RouterAddress(plan.Subnets[node.Subnet]))]));
            links.Add(new TopologyLink(
                new TopologyEnd(node.Name, "eth0", new InterfaceAddress(node.Address, 24)),
                new TopologyEnd(Router, node.Name, Switch: $"net{node.Subnet + 1}")));
        }

        return new NetworkTopology(hosts.ToImmutable(), links.ToImmutable());
    }

    private static InterfaceAddress First(IPNetwork subnet) => new(UnderlayPlan.RouterAddress(subnet), subnet.PrefixLength);
}
