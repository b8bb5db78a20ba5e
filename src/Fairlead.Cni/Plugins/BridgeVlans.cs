using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>The VLANs of a container's port: the options <c>vlan</c>, <c>vlanTrunk</c> and <c>preserveDefaultVlan</c>.</summary>
/// <param name="Id">The VLAN of the container's untagged frames; 0 for none.</param>
/// <param name="Trunk">The VLANs that it may send and get tagged frames of; from and to.</param>
/// <param name="KeepDefault">Whether the port stays in the bridge's own default VLAN too.</param>
internal sealed record BridgeVlans(int Id, ImmutableArray<(int First, int Last)> Trunk, bool KeepDefault)
{
    public static readonly BridgeVlans None = new(0, [], true);

    private const int Default = 1; // the kernel's default PVID of bridges
    private const int Largest = 4094;

    /// <summary>The option that asks for them.</summary>
    public string Field => Id == 0 ? "vlanTrunk" : "vlan";

    public bool IsEmpty => Id == 0 && Trunk.IsEmpty;

    public static BridgeVlans Read(ConfigNode root) => new(
        root["vlan"].Number(0, 0, Largest),
        [.. root["vlanTrunk"].Items().SelectMany(ReadTrunk)],
        root["preserveDefaultVlan"].Flag(absent: true));

    /// <summary>The host's interface in a VLAN of the bridge, which has the gateway's addresses.</summary>
    public string GatewayName(string bridge) => FormattableString.Invariant($"{bridge}.{Id}");

    /// <summary>Puts a port into its VLANs.</summary>
    public void Apply(RouteSocket host, int port)
    {
        if (IsEmpty)
        {
            return;
        }

        if (!KeepDefault)
        {
            host.TryDeletePortVlan(new PortVlan(port, Default));
        }

        if (Id != 0)
        {
            host.AddPortVlan(new PortVlan(port, Id) { Pvid = true, Untagged = true });
        }

        foreach (var (first, last) in Trunk)
        {
            host.AddPortVlan(new PortVlan(port, first) { LastId = first == last ? null : last });
        }
    }

    /// <summary>CHECK: what a port is missing of them.</summary>
    public string? Missing(RouteSocket host, int port)
    {
        var present = host.PortVlans(port);
        bool Has(int id) => present.Any(v => v.Id <= id && id <= (v.LastId ?? v.Id));
        var wanted = Trunk.SelectMany(range => Enumerable.Range(range.First, range.Last - range.First + 1));
        return (Id == 0 ? wanted : wanted.Prepend(Id)).FirstOrDefault(id => !Has(id)) is > 0 and var missing ? FormattableString.Invariant($"VLAN {missing}") : null;
    }

    private static IEnumerable<(int, int)> ReadTrunk(ConfigNode node)
    {
        var (id, first, last) = (node["id"].Number(1, Largest), node["minID"].Number(1, Largest), node["maxID"].Number(1, Largest));
        if (first is null != last is null)
        {
            throw (first is null ? node["minID"] : node["maxID"]).Fault("is missing: minID and maxID belong together");
        }

        if (first > last)
        {
            throw node["minID"].Fault($"{first} is more than maxID {last}");
        }

        if (id is null && first is null)
        {
            throw node.Fault("holds neither id nor minID and maxID");
        }

        if (id is { } single)
        {
            yield return (single, single);
        }

        if (first is { } from && last is { } to)
        {
            yield return (from, to);
        }
    }
}
