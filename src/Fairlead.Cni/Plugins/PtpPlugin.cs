using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>Joins a container to the host by a veth pair alone: the host is its gateway and routes to it.</summary>
internal sealed class PtpPlugin : IPlugin
{
    private const int ContainerInterface = 1; // its place in the result, after the host's end

    public CniResult Add(PluginCall call)
    {
        var config = Config.Read(call);
        using var pod = PodNamespace.Open(call.Environment);
        using var host = RouteSocket.Open();
        using var inside = RouteSocket.Open(pod);
        PodInterface.RefuseExisting(inside, call.Environment);
        using var rollback = new Rollback(call.Host);
        var ipam = IpamDelegate.Find(call) ?? throw call.Config.Ipam["type"].Fault("is missing: ptp routes to addresses");
        rollback.Push("addresses", ipam.Delete);
        var given = ipam.Add();
        if (given.Addresses.FirstOrDefault(a => a.Gateway is null) is { } without)
        {
            throw call.Config.Ipam.Fault($"{without} has no gateway: ptp makes the host it");
        }

        ForwardingSetting.Ensure(given.Addresses.Select(a => a.Address));
        var mark = AttachmentMark.Of(call);
        var cable = HostCable.Create(
            host, mark, rollback, name => HostCable.Spec(name, call, pod, config.Mac, config.Mtu), new LinkChange());
        PodInterface.Configure(inside, pod, inside.GetLink(call.Environment.InterfaceName), given.Addresses, []);
        RouteInside(inside, inside.GetLink(call.Environment.InterfaceName), given);
        RouteOnHost(host, cable, given);
        if (config.Masquerade)
        {
            rollback.Push("masquerade", () => PodMasquerade.Remove(call.Nftables, mark.IsSameAs));
            PodMasquerade.Add(call.Nftables, mark, given.Addresses);
        }

        HostCable.WaitForCarrier(host, cable);
        var container = inside.GetLink(call.Environment.InterfaceName);
        rollback.Disarm();
        return new CniResult
        {
            Interfaces = [new CniInterface(cable.Name, cable.Mac?.ToString() ?? "", Mtu: cable.Mtu), PodInterface.Describe(container, call.Environment)],
            Addresses = [.. given.Addresses.Select(a => a with { Interface = ContainerInterface })],
            Routes = given.Routes,
            Dns = config.Dns.IsEmpty ? given.Dns : config.Dns,
        };
    }

    public void Delete(PluginCall call) => CableRemoval.Delete(call, PodMasquerade.Remove);

    public void Check(PluginCall call)
    {
        var config = Config.Read(call);
        var previous = call.Config.Previous!;
        IpamDelegate.Find(call)?.Check();
        PodInterface.Verify(call, previous);
        using var host = RouteSocket.Open();
        foreach (var expected in previous.Interfaces.Where(i => i.Sandbox.Length == 0 && host.FindLink(i.Name) is null))
        {
            throw PodInterface.Changed($"link '{expected.Name}' is gone");
        }

        if (config.Masquerade && !PodMasquerade.Has(call.Nftables, AttachmentMark.Of(call)))
        {
            throw PodInterface.Changed("the masquerade rule is gone");
        }
    }

    public void Status(PluginCall call)
    {
        _ = Config.Read(call);
        using (var host = RouteSocket.Open())
        {
            KernelFeatures.Need(host, new VethSpec("") { PeerName = "" });
        }

        IpamDelegate.Find(call)?.Status();
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
        => CableRemoval.CollectGarbage(call, valid, PodMasquerade.Remove);

    /// <summary>The gateway alone is on the link; everything else, the container's own network too, goes by it.</summary>
    /// <remarks>A route by another router of the network comes before that: the kernel takes it only while the network is on the link.</remarks>
    private static void RouteInside(RouteSocket inside, Link link, CniResult given)
    {
        PodInterface.Apply(inside,
        [
            .. given.Addresses.Select(address => new AddRoute(new Route(new IPNetwork(address.Gateway!, AddressText.Bits(address.Address)))
            {
                Link = link.Index, Source = address.Address, Scope = RouteScope.Link,
            })),
            .. given.Routes.Select(route => new AddRoute(PodInterface.KernelRoute(route, given.Addresses, link.Index))),
        ]);
        foreach (var address in given.Addresses.Where(a => a.PrefixLength < AddressText.Bits(a.Address)))
        {
            inside.TryDeleteRoute(new Route(address.Network) { Link = link.Index, Protocol = RouteProtocol.Kernel, Source = address.Address, Scope = RouteScope.Link });
            PodInterface.Apply(inside, [new AddRoute(new Route(address.Network) { Link = link.Index, Gateway = address.Gateway, Source = address.Address })]);
        }
    }

    private static void RouteOnHost(RouteSocket host, Link cable, CniResult given)
    {
        var operations = new List<RouteOperation>();
        foreach (var address in given.Addresses)
        {
            var bits = AddressText.Bits(address.Address);
            operations.Add(new ReplaceAddress(new LinkAddress(cable.Index, new InterfaceAddress(address.Gateway!, bits))
            {
                Flags = AddressText.IsIPv4(address.Address) ? AddressFlags.None : AddressFlags.NoDuplicateDetection,
            }));
            operations.Add(new ReplaceRoute(new Route(new IPNetwork(address.Address, bits)) { Link = cable.Index, Scope = RouteScope.Link }));
        }

        PodInterface.Apply(host, operations);
    }

    private sealed record Config(bool Masquerade, int? Mtu, MacAddress? Mac, CniDns Dns)
    {
        public static Config Read(PluginCall call)
        {
            var root = call.Config.Root;
            MasqueradeBackend.Verify(root);
            return new Config(root["ipMasq"].Flag(), LinkMtu.Read(root["mtu"]), RequestedMac.Read(call), ResultReader.Dns(root["dns"]));
        }
    }
}
