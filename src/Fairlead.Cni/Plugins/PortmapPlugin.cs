using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>Publishes ports of a container on the host. Comes after a plugin that gives the container its address.</summary>
internal sealed class PortmapPlugin : IPlugin
{
    public CniResult Add(PluginCall call)
    {
        var previous = call.Config.Previous ?? throw call.Config.Root["prevResult"].Fault("is missing: portmap comes after another plugin");
        var options = PortmapOptions.Read(call.Config.Root);
        var mappings = PortMapping.ReadAll(call.Config);
        if (mappings.IsEmpty)
        {
            return previous;
        }

        var mark = AttachmentMark.Of(call);
        var socket = call.Nftables;
        using var rollback = new Rollback(call.Host);
        rollback.Push("published ports", () => Remove(socket, mark.IsSameAs));
        foreach (var (container, terms) in ContainerAddresses(previous))
        {
            var here = mappings.Where(m => m.IsFor(terms)).ToList();
            if (here.Count == 0)
            {
                continue;
            }

            new HostPortTable(terms).Add(socket, mark, container, here, options);
            if (terms.IsIPv4 && options.Masquerade)
            {
                RouteLoopback(container);
            }
        }

        rollback.Disarm();
        return previous;
    }

    /// <summary>Refuses options that make no sense.</summary>
    public static void Verify(PluginCall call) => _ = (PortmapOptions.Read(call.Config.Root), PortMapping.ReadAll(call.Config));

    public void Delete(PluginCall call)
    {
        Remove(call.Nftables, AttachmentMark.Of(call).IsSameAs);
        ReferenceRules.RemovePorts(call);
    }

    public void Check(PluginCall call)
    {
        var options = PortmapOptions.Read(call.Config.Root);
        var mappings = PortMapping.ReadAll(call.Config);
        var mark = AttachmentMark.Of(call);
        var socket = call.Nftables;
        foreach (var (container, terms) in ContainerAddresses(call.Config.Previous!))
        {
            foreach (var missing in new HostPortTable(terms).Missing(socket, mark, container.Address, mappings.Where(m => m.IsFor(terms)), options))
            {
                throw new CniException(CniErrorCode.AttachmentChanged, $"{missing} does not lead to {container.Address} any more");
            }
        }
    }

    public void Status(PluginCall call)
    {
        _ = PortmapOptions.Read(call.Config.Root);
        try
        {
            _ = call.Nftables.Generation();
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.NotAvailable, $"nftables cannot be used: {e.Message}", inner: e);
        }
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
    {
        var network = call.Config.Name;
        Remove(call.Nftables, mark => mark?.IsStale(network, valid) == true);
    }

    private static void Remove(NftablesSocket socket, Func<AttachmentMark?, bool> matches)
    {
        foreach (var terms in NftFamilyTerms.Both)
        {
            new HostPortTable(terms).Remove(socket, matches);
        }
    }

    /// <summary>The first address of each family that is inside: the host's ends have addresses in results too.</summary>
    private static IEnumerable<(CniAddress Address, NftFamilyTerms Terms)> ContainerAddresses(CniResult result)
        => NftFamilyTerms.Both
            .Select(terms => (result.Addresses.FirstOrDefault(a => NftFamilyTerms.Of(a.Address) == terms && IsInside(result, a)), terms))
            .Where(pair => pair.Item1 is not null)
            .Select(pair => (pair.Item1!, pair.terms));

    private static bool IsInside(CniResult result, CniAddress address)
        => address.Interface is not ({ } index and >= 0) || index >= result.Interfaces.Length || result.Interfaces[index].Sandbox.Length > 0;

    /// <summary>Lets packets of the host's loopback out to the container; see <see cref="HostPortTable"/>.</summary>
    private static void RouteLoopback(CniAddress container)
    {
        using var host = RouteSocket.Open();
        if (host.Lookup(container.Address)?.Link is not { } index || host.FindLink(index) is not { } link)
        {
            return;
        }

        var key = $"net/ipv4/conf/{link.Name}/route_localnet";
        if (Sysctl.Find(key) is "0")
        {
            Sysctl.Write(key, "1");
        }
    }
}
