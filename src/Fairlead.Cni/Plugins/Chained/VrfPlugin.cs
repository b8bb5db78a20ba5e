using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>Puts the container's interface into a VRF of the container, which is made where it is missing and goes with its last interface.</summary>
internal sealed class VrfPlugin : IPlugin
{
    public CniResult Add(PluginCall call)
    {
        var previous = ChainedCall.Previous(call);
        var (name, table) = Read(call.Config.Root);
        using var pod = PodNamespace.Open(call.Environment);
        using var inside = RouteSocket.Open(pod);
        var link = inside.FindLink(call.Environment.InterfaceName)
            ?? throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_IFNAME: there is no '{call.Environment.InterfaceName}' in {call.Environment.Namespace}");
        using var rollback = new Rollback(call.Host);
        var isOthers = inside.FindLink(name) is not null;
        rollback.Push($"VRF {name}", () => Leave(inside, link.Name, name, keep: isOthers));
        var vrf = Ensure(inside, call.Config.Root, name, table);

        // The kernel takes global IPv6 addresses and routes away from an interface that changes its master.
        var addresses = inside.Addresses(link.Index).Where(a => !a.Address.Address.IsIPv6LinkLocal).ToList();
        var routes = inside.Routes(table: Route.MainTable).Where(r => r.Link == link.Index && r.Protocol != RouteProtocol.Kernel).ToList();
        inside.SetLink(link.Index, new LinkChange { Master = vrf.Index });
        var number = ((VrfDetails)vrf.Details!).Table;
        PodInterface.Apply(
            inside,
            [
                .. addresses.Select(a => new ReplaceAddress(a with { Flags = AddressText.IsIPv4(a.Address.Address) ? a.Flags : AddressFlags.NoDuplicateDetection })),
                .. routes.Select(r => new ReplaceRoute(r with { Table = number })),
            ]);
        rollback.Disarm();
        return previous;
    }

    public void Delete(PluginCall call)
    {
        var (name, _) = Read(call.Config.Root);
        using var pod = PodNamespace.Find(call.Environment);
        if (pod is not null)
        {
            using var inside = RouteSocket.Open(pod);
            Leave(inside, call.Environment.InterfaceName, name);
        }
    }

    public void Check(PluginCall call)
    {
        var (name, table) = Read(call.Config.Root);
        using var pod = PodNamespace.Open(call.Environment);
        using var inside = RouteSocket.Open(pod);
        var vrf = inside.FindLink(name) is { Kind: "vrf" } found ? found : throw PodInterface.Changed($"the VRF '{name}' is gone");
        if (table is { } wanted && vrf.Details is VrfDetails details && details.Table != wanted)
        {
            throw PodInterface.Changed($"the VRF '{name}' leads to table {details.Table}, not {wanted}");
        }

        if (inside.FindLink(call.Environment.InterfaceName)?.Master != vrf.Index)
        {
            throw PodInterface.Changed($"'{call.Environment.InterfaceName}' is not in the VRF '{name}'");
        }
    }

    public void Status(PluginCall call)
    {
        _ = Read(call.Config.Root);
        using var host = RouteSocket.Open();
        KernelFeatures.Need(host, new VrfSpec("") { Table = 0 });
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
    {
        // A VRF goes with the namespace.
    }

    private static (string Name, uint? Table) Read(ConfigNode root)
    {
        var name = root["vrfname"].Text();
        return CniNames.InterfaceNameFault(name) is { } fault
            ? throw root["vrfname"].Fault(name.Length == 0 ? "is missing" : $"'{name}' {fault}")
            : (name, root["table"].Number(0, int.MaxValue) is > 0 and var table ? (uint)table : null);
    }

    private static Link Ensure(RouteSocket inside, ConfigNode root, string name, uint? table)
    {
        if (inside.FindLink(name) is { } there)
        {
            return there.Details is not VrfDetails details ? throw root["vrfname"].Fault($"'{name}' is there and is no VRF")
                : table is { } wanted && details.Table != wanted ? throw root["table"].Fault($"the VRF '{name}' leads to table {details.Table}")
                : there;
        }

        var used = inside.Links().Select(l => l.Details).OfType<VrfDetails>().Select(d => d.Table).ToHashSet();
        if (table is { } given && used.Contains(given))
        {
            throw root["table"].Fault($"{given} is another VRF's");
        }

        var free = table ?? Enumerable.Range(1, 252).Select(n => (uint)n).First(n => !used.Contains(n));
        return inside.CreateVrf(new VrfSpec(name) { Table = free, Up = true });
    }

    /// <param name="keep">Whether the VRF stays though nothing is in it: it was there before.</param>
    private static void Leave(RouteSocket inside, string interfaceName, string name, bool keep = false)
    {
        if (inside.FindLink(name) is not { Kind: "vrf" } vrf)
        {
            return;
        }

        if (inside.FindLink(interfaceName) is { } link && link.Master == vrf.Index)
        {
            inside.SetLink(link.Index, new LinkChange { Master = 0 });
        }

        if (!keep && !inside.Links().Any(l => l.Master == vrf.Index))
        {
            inside.TryDeleteLink(name);
        }
    }
}
