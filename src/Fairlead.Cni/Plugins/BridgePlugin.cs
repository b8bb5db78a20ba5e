using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
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
        if (inside.FindLink(name) is not null)
        {
            throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_IFNAME: '{name}' is there already in {call.Environment.Namespace}");
        }

        using var rollback = new Rollback(call.Host);
        var addresses = CniResultOf(IpamDelegate.Find(call), rollback);
        var plan = BridgePlan.Make(config, addresses);
        var bridge = BridgeLink.Ensure(host, config, plan.Gateways);
        var veth = CreateVeth(call, config, bridge, host, pod, plan, rollback);
        Configure(inside, pod, inside.GetLink(name), plan);
        Masquerade(call, config, plan, rollback);
        WaitForCarrier(host, veth);

        var container = inside.GetLink(name);
        rollback.Disarm();
        return new CniResult
        {
            Interfaces =
            [
                new CniInterface(bridge.Name, bridge.Mac?.ToString() ?? ""),
                new CniInterface(veth.Name, veth.Mac?.ToString() ?? ""),
                new CniInterface(name, container.Mac?.ToString() ?? "", call.Environment.Namespace, container.Mtu),
            ],
            Addresses = [.. plan.Addresses.Select(a => a with { Interface = ContainerInterface })],
            Routes = plan.Routes,
            Dns = config.Dns.IsEmpty ? addresses.Dns : config.Dns,
        };
    }

    public void Delete(PluginCall call)
    {
        // Links first, addresses last: an address must not be given away while somebody still answers to it.
        var mark = AttachmentMark.Of(call);
        using (var host = RouteSocket.Open())
        {
            DeleteVeth(host, mark);
        }

        using (var pod = PodNamespace.Find(call.Environment))
        {
            if (pod is not null)
            {
                using var inside = RouteSocket.Open(pod);
                inside.TryDeleteLink(call.Environment.InterfaceName);
            }
        }

        PodMasquerade.Remove(mark.IsSameAs);
        IpamDelegate.Find(call)?.Delete();
    }

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
        if (host.FindLink(config.Bridge) is { Kind: not "bridge" })
        {
            throw new CniException(CniErrorCode.NotAvailable, $"bridge: '{config.Bridge}' is there and is no bridge");
        }

        IpamDelegate.Find(call)?.Status();
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
    {
        var network = call.Config.Name;
        using (var host = RouteSocket.Open())
        {
            foreach (var link in host.Links().Where(l => l.Kind == "veth" && AttachmentMark.OfAlias(l.Alias)?.IsStale(network, valid) == true))
            {
                host.TryDeleteLink(link.Name);
            }
        }

        PodMasquerade.Remove(mark => mark?.IsStale(network, valid) == true);
        IpamDelegate.Find(call)?.CollectGarbage(valid);
    }

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

    private static Link CreateVeth(
        PluginCall call, BridgeConfig config, Link bridge, RouteSocket host, NetworkNamespace pod, BridgePlan plan, Rollback rollback)
    {
        var mark = AttachmentMark.Of(call);
        for (var attempt = 0; ; attempt++)
        {
            var name = HostName(mark, attempt);
            var spec = new VethSpec(name)
            {
                PeerName = call.Environment.InterfaceName,
                PeerNamespace = pod,
                PeerMac = config.Mac ?? plan.Mac,
                Mtu = config.Mtu,
                Master = bridge.Index,
            };
            try
            {
                var veth = host.CreateVeth(spec);
                rollback.Push($"link {name}", () => host.TryDeleteLink(name));
                host.SetLink(veth.Index, new LinkChange
                {
                    Alias = mark.Alias,
                    Hairpin = config.Hairpin ? true : null,
                    Isolated = config.PortIsolation ? true : null,
                    Up = true,
                });
                return veth;
            }
            catch (LinuxException e) when (e.IsExists && attempt < 3)
            {
                // What an interrupted ADD left of this attachment goes; another's with the same hash stays, and the next name is tried.
                if (host.FindLink(name) is { } link && (link.Alias is null || mark.IsSameAs(AttachmentMark.OfAlias(link.Alias))))
                {
                    host.TryDeleteLink(name);
                }
            }
        }
    }

    private static void DeleteVeth(RouteSocket host, AttachmentMark mark)
    {
        for (var attempt = 0; attempt <= 3; attempt++)
        {
            var name = HostName(mark, attempt);
            if (host.FindLink(name) is not { } link)
            {
                return;
            }

            if (mark.IsSameAs(AttachmentMark.OfAlias(link.Alias)))
            {
                host.TryDeleteLink(name);
                return;
            }
        }
    }

    private static string HostName(AttachmentMark mark, int attempt) => $"veth{mark.Hash(attempt)}";

    /// <summary>Addresses and routes of the container's end.</summary>
    private static void Configure(RouteSocket inside, NetworkNamespace pod, Link link, BridgePlan plan)
    {
        if (plan.HasIPv6)
        {
            // Nobody else can have the address: host-local gave it to this container alone. So no second is spent on asking.
            Sysctl.WriteAll(
                [($"net/ipv6/conf/{link.Name}/disable_ipv6", "0"), ($"net/ipv6/conf/{link.Name}/accept_dad", "0")], pod);
        }

        var operations = new List<RouteOperation> { new SetLink(link.Index, new LinkChange { Up = true }) };
        operations.AddRange(plan.Addresses.Select(address => new ReplaceAddress(
            new LinkAddress(link.Index, new InterfaceAddress(address.Address, address.PrefixLength))
            {
                Flags = AddressText.IsIPv4(address.Address) ? AddressFlags.None : AddressFlags.NoDuplicateDetection,
            })));
        operations.AddRange(plan.Routes.Select(route => new AddRoute(plan.KernelRoute(route, link.Index))));
        var errors = inside.Apply([.. operations]);

        // Of two equal routes the first wins, as with the reference plugin.
        if (errors.FirstOrDefault(e => e is { IsExists: false }) is { } error)
        {
            throw new CniException(CniErrorCode.Internal, error.Message, inner: error);
        }
    }

    private static void Masquerade(PluginCall call, BridgeConfig config, BridgePlan plan, Rollback rollback)
    {
        if (!config.Masquerade || plan.Addresses.IsEmpty)
        {
            return;
        }

        var mark = AttachmentMark.Of(call);
        rollback.Push("masquerade", () => PodMasquerade.Remove(mark.IsSameAs));
        PodMasquerade.Add(mark, plan.Addresses);
    }

    /// <summary>A port passes nothing until the kernel has noticed that its cable is plugged in; a first packet lost then costs a second.</summary>
    private static void WaitForCarrier(RouteSocket host, Link veth)
    {
        var deadline = Environment.TickCount64 + 1000;
        while (host.FindLink(veth.Index) is { Running: false } && Environment.TickCount64 < deadline)
        {
            Thread.Yield();
        }
    }
}
