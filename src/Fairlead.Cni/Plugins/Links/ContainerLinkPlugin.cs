using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>The plugins that make one interface in a container: macvlan, ipvlan, vlan, dummy and tap.</summary>
internal sealed class ContainerLinkPlugin(IContainerLink kind) : IPlugin
{
    public CniResult Add(PluginCall call)
    {
        kind.Verify(call);
        var name = call.Environment.InterfaceName;
        using var pod = PodNamespace.Open(call.Environment);
        using var host = RouteSocket.Open();
        using var inside = RouteSocket.Open(pod);
        PodInterface.RefuseExisting(inside, call.Environment);
        var ipam = IpamDelegate.Find(call);
        if (ipam is null && kind.NeedsAddresses && call.Config.Previous is null)
        {
            throw call.Config.Ipam["type"].Fault($"is missing: {kind.Kind} needs addresses");
        }

        // The interface first: what the kernel lacks is known before an address is taken.
        using var rollback = new Rollback(call.Host);
        rollback.Push($"link {name}", () => inside.TryDeleteLink(name));
        kind.Create(call, host, inside, pod);
        var given = Addresses(call, ipam, rollback);
        var addresses = given.Addresses.Select(a => a with { Interface = 0 }).ToImmutableArray();
        PodInterface.Configure(inside, pod, inside.GetLink(name), addresses, given.Routes);
        AnnounceMoves(name, pod);
        var link = inside.GetLink(name);
        rollback.Disarm();
        var dns = ResultReader.Dns(call.Config.Root["dns"]);
        return new CniResult
        {
            Interfaces = [PodInterface.Describe(link, call.Environment)],
            Addresses = addresses,
            Routes = given.Routes,
            Dns = dns.IsEmpty ? given.Dns : dns,
        };
    }

    public void Delete(PluginCall call)
    {
        PodLink.Delete(call, kind.Kind);
        IpamDelegate.Find(call)?.Delete();
    }

    public void Check(PluginCall call)
    {
        kind.Verify(call);
        IpamDelegate.Find(call)?.Check();
        PodInterface.Verify(call, call.Config.Previous!);
        using var pod = PodNamespace.Open(call.Environment);
        using var host = RouteSocket.Open();
        using var inside = RouteSocket.Open(pod);
        var link = inside.GetLink(call.Environment.InterfaceName);
        if (link.Kind != kind.Kind)
        {
            throw PodInterface.Changed($"'{link.Name}' is of kind '{link.Kind}', not {kind.Kind}");
        }

        kind.Check(call, host, inside, link);
    }

    public void Status(PluginCall call)
    {
        kind.Verify(call);
        using (var host = RouteSocket.Open())
        {
            if (kind.Sample is { } sample)
            {
                KernelFeatures.Need(host, sample);
            }

            kind.Status(call, host);
        }

        IpamDelegate.Find(call)?.Status();
    }

    // The interface itself goes with the namespace.
    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid) => IpamDelegate.Find(call)?.CollectGarbage(valid);

    /// <summary>The IPAM plugin's, or those of the plugin before in a chain.</summary>
    private static CniResult Addresses(PluginCall call, IpamDelegate? ipam, Rollback rollback)
    {
        if (ipam is null)
        {
            return new CniResult { Addresses = call.Config.Previous?.Addresses ?? [], Routes = call.Config.Previous?.Routes ?? [] };
        }

        rollback.Push("addresses", ipam.Delete);
        return ipam.Add();
    }

    /// <summary>Whoever had the address before may be in a neighbour's cache: the kernel tells the neighbours when it comes up again.</summary>
    private static void AnnounceMoves(string name, Fairlead.Linux.Namespaces.NetworkNamespace pod)
    {
        foreach (var key in (ReadOnlySpan<string>)[$"net/ipv4/conf/{name}/arp_notify", $"net/ipv6/conf/{name}/ndisc_notify"])
        {
            if (Sysctl.Find(key, pod) is "0")
            {
                Sysctl.Write(key, "1", pod);
            }
        }
    }
}
