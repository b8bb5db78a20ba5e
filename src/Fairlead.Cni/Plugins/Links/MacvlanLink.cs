using Fairlead.Cni.Protocol;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>An interface with a hardware address of its own on the cable of one of the host's.</summary>
internal sealed class MacvlanLink : IContainerLink
{
    public string Kind => "macvlan";

    public LinkSpec Sample => new MacvlanSpec("") { Parent = 0 };

    public bool NeedsAddresses => false;

    public void Verify(PluginCall call)
    {
        var root = call.Config.Root;
        call.Environment.Arguments.RefuseUnknown("MAC");
        ParentLink.Verify(root);
        _ = (Mode(root), LinkMtu.Read(root["mtu"]), RequestedMac.Read(call, "mac"));
        _ = root["bcqueuelen"].Number(0, 0, int.MaxValue);
    }

    public void Create(PluginCall call, RouteSocket host, RouteSocket inside, NetworkNamespace pod)
    {
        var root = call.Config.Root;
        var from = ParentLink.SocketOf(root, host, inside);
        var parent = ParentLink.Get(root, from);
        from.CreateMacvlan(new MacvlanSpec(call.Environment.InterfaceName)
        {
            Parent = parent.Index,
            Mode = Mode(root),
            Mtu = LinkMtu.On(root["mtu"], parent),
            Mac = RequestedMac.Read(call, "mac"),
            BroadcastQueueLength = root["bcqueuelen"].Number(0, int.MaxValue) is > 0 and var length ? (uint)length : null,
            Namespace = pod,
        });
    }

    public void Check(PluginCall call, RouteSocket host, RouteSocket inside, Link link)
    {
        ParentLink.Check(call.Config.Root, host, inside, link);
        if (link.Details is MacvlanDetails details && details.Mode != Mode(call.Config.Root))
        {
            throw PodInterface.Changed($"'{link.Name}' is in the mode {details.Mode}, not {Mode(call.Config.Root)}");
        }
    }

    public void Status(PluginCall call, RouteSocket host) => ParentLink.Status(call.Config.Root, host);

    private static MacvlanMode Mode(ConfigNode root) => root["mode"].Text() switch
    {
        "" or "bridge" => MacvlanMode.Bridge,
        "private" => MacvlanMode.Private,
        "vepa" => MacvlanMode.Vepa,
        "passthru" => MacvlanMode.PassThrough,
        var other => throw root["mode"].Fault($"'{other}' is none of bridge, private, vepa and passthru"),
    };
}
