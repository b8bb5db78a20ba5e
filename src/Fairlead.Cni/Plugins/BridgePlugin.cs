using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>Joins containers to a bridge of the host, each by a veth pair.</summary>
/// <remarks>
/// The far end of a pair is created straight in the container: moved there afterwards it would wait for every CPU. Names and
/// hardware addresses follow from the attachment and its address, so that DEL finds what ADD made with nothing but its
/// parameters, and a container that gets a used address meets no stale neighbour entry.
/// </remarks>
internal sealed class BridgePlugin : IPlugin
{
    private const int ContainerInterface = 2; // its place in the result, after the bridge and the host's end

    public CniResult Add(PluginCall call)
    {
        var config = BridgeConfig.Read(call);
        var name = call.Environment.InterfaceName;
        using var pod = PodNamespace.Open(call.Environment);
        using var host = RouteSocket.Open();
        using var inside = RouteSocket.Open(pod);
        PodInterface.RefuseExisting(inside, call.Environment);

        using var rollback = new Rollback(call.Host);
        var addresses = CniResultOf(IpamDelegate.Find(call), rollback);
        var plan = BridgePlan.Make(config, addresses);
        var bridge = BridgeLink.Ensure(host, config, plan.Gateways);
        call.Admit(addresses);
        var mark = AttachmentMark.Of(call);
        var veth = HostCable.Create(
            host,
            mark,
            rollback,
            hostName => HostCable.Spec(hostName, call, pod, config.Mac ?? plan.Mac, config.Mtu ?? bridge.Mtu) with { Master = bridge.Index },
            new LinkChange { Hairpin = config.Hairpin ? true : null, Isolated = config.PortIsolation ? true : null });
        config.Vlans.Apply(host, veth.Index);
        if (config.SpoofCheck)
        {
            rollback.Push("spoof check", () => SpoofCheck.Remove(call.Nftables, mark.IsSameAs));
            SpoofCheck.Add(call.Nftables, mark, veth, inside.GetLink(name).Mac!.Value);
        }

        if (!config.DisableContainerInterface)
        {
            PodInterface.Configure(inside, pod, inside.GetLink(name), plan.Addresses, plan.Routes, config.DetectDuplicates);
        }

        Masquerade(call, mark, config, plan, rollback);
        if (!config.DisableContainerInterface)
        {
            HostCable.WaitForCarrier(host, veth);
        }

        var container = inside.GetLink(name);
        rollback.Disarm();
        return new CniResult
        {
            Interfaces =
            [
                new CniInterface(bridge.Name, bridge.Mac?.ToString() ?? ""),
                new CniInterface(veth.Name, veth.Mac?.ToString() ?? ""),
                new CniInterface(name, container.Mac?.ToString() ?? "", call.Environment.Namespace, container.Mtu),
                .. VlanGateway(host, config),
            ],
            Addresses = [.. plan.Addresses.Select(a => a with { Interface = ContainerInterface })],
            Routes = plan.Routes,
            Dns = config.Dns.IsEmpty ? addresses.Dns : config.Dns,
        };
    }

    public void Delete(PluginCall call) => CableRemoval.Delete(call, PodMasquerade.Remove, SpoofCheck.Remove);

    public void Check(PluginCall call)
    {
        var config = BridgeConfig.Read(call);
        IpamDelegate.Find(call)?.Check();
        BridgeCheck.Verify(call, config);
    }

    public void Status(PluginCall call)
    {
        var config = BridgeConfig.Read(call);
        using var host = RouteSocket.Open();
        KernelFeatures.Need(host, new BridgeSpec(""), new VethSpec("") { PeerName = "" });
        if (!config.Vlans.IsEmpty)
        {
            KernelFeatures.NeedVlanFiltering(host, config.Vlans.Field);
        }

        if (host.FindLink(config.Bridge) is { Kind: not "bridge" })
        {
            throw new CniException(CniErrorCode.NotAvailable, $"bridge: '{config.Bridge}' is there and is no bridge");
        }

        IpamDelegate.Find(call)?.Status();
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
        => CableRemoval.CollectGarbage(call, valid, PodMasquerade.Remove, SpoofCheck.Remove);

    /// <summary>The host's interface in the containers' VLAN, where there is one; the reference lists it after the container's.</summary>
    private static IEnumerable<CniInterface> VlanGateway(RouteSocket host, BridgeConfig config)
        => config.GatewayName is { } name && host.FindLink(name) is { } link ? [new CniInterface(name, link.Mac?.ToString() ?? "")] : [];

    private static CniResult CniResultOf(IpamDelegate? ipam, Rollback rollback)
    {
        if (ipam is null)
        {
            return new CniResult();
        }

        // Before, not after: an ADD that fails half-way may have left something too.
        rollback.Push("addresses", ipam.Delete);
        return ipam.Add();
    }

    private static void Masquerade(PluginCall call, AttachmentMark mark, BridgeConfig config, BridgePlan plan, Rollback rollback)
    {
        if (!config.Masquerade || plan.Addresses.IsEmpty)
        {
            return;
        }

        rollback.Push("masquerade", () => PodMasquerade.Remove(call.Nftables, mark.IsSameAs));
        PodMasquerade.Add(call.Nftables, mark, plan.Addresses);
    }
}
