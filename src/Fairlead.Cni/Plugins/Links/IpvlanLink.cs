using Fairlead.Cni.Protocol;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>An interface with addresses of its own and the hardware address of one of the host's.</summary>
internal sealed class IpvlanLink : IContainerLink
{
    public string Kind => "ipvlan";

    public LinkSpec Sample => new IpvlanSpec("") { Parent = 0 };

    public bool NeedsAddresses => true;

    public void Verify(PluginCall call)
    {
        ParentLink.Verify(call.Config.Root);
        _ = (Mode(call.Config.Root), LinkMtu.Read(call.Config.Root["mtu"]));
    }

    public void Create(PluginCall call, RouteSocket host, RouteSocket inside, NetworkNamespace pod)
    {
        var root = call.Config.Root;
        var from = ParentLink.SocketOf(root, host, inside);
        var parent = Parent(call, from);
        from.CreateIpvlan(new IpvlanSpec(call.Environment.InterfaceName)
        {
            Parent = parent.Index, Mode = Mode(root), Mtu = LinkMtu.On(root["mtu"], parent), Namespace = pod,
        });
    }

    public void Check(PluginCall call, RouteSocket host, RouteSocket inside, Link link)
    {
        if (call.Config.Root["master"].Exists)
        {
            ParentLink.Check(call.Config.Root, host, inside, link);
        }

        if (link.Details is IpvlanDetails details && details.Mode != Mode(call.Config.Root))
        {
            throw PodInterface.Changed($"'{link.Name}' is in the mode {details.Mode}, not {Mode(call.Config.Root)}");
        }
    }

    public void Status(PluginCall call, RouteSocket host) => ParentLink.Status(call.Config.Root, host);

    /// <summary>In a chain, where none is named, the one that the plugin before made.</summary>
    private static Link Parent(PluginCall call, RouteSocket socket)
        => call.Config.Root["master"].Text().Length == 0 && call.Config.Previous is { Interfaces: [var before] }
            ? socket.FindLink(before.Name) ?? throw call.Config.Root["prevResult"].Fault($"there is no interface '{before.Name}'")
            : ParentLink.Get(call.Config.Root, socket);

    private static IpvlanMode Mode(ConfigNode root) => root["mode"].Text() switch
    {
        "" or "l2" => IpvlanMode.L2,
        "l3" => IpvlanMode.L3,
        "l3s" => IpvlanMode.L3S,
        var other => throw root["mode"].Fault($"'{other}' is none of l2, l3 and l3s"),
    };
}
