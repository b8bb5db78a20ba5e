using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>An interface that sees the frames of one VLAN on the cable of one of the host's.</summary>
internal sealed class VlanLink : IContainerLink
{
    private const int LargestId = 4094;

    public string Kind => "vlan";

    public LinkSpec Sample => new VlanSpec("") { Parent = 0, Id = 0 };

    public bool NeedsAddresses => false;

    public void Verify(PluginCall call)
    {
        var root = call.Config.Root;
        ParentLink.Verify(root, required: true);
        _ = (root["vlanId"].Number(0, 0, LargestId), LinkMtu.Read(root["mtu"]));
    }

    public void Create(PluginCall call, RouteSocket host, RouteSocket inside, NetworkNamespace pod)
    {
        var root = call.Config.Root;
        var from = ParentLink.SocketOf(root, host, inside);
        var parent = ParentLink.Get(root, from);
        var spec = new VlanSpec(call.Environment.InterfaceName)
        {
            Parent = parent.Index, Id = root["vlanId"].Number(0, 0, LargestId), Mtu = LinkMtu.On(root["mtu"], parent), Namespace = pod,
        };
        try
        {
            from.CreateVlan(spec);
        }
        catch (LinuxException e) when (e.IsExists)
        {
            // The interface's own name was looked at before.
            throw root["vlanId"].Fault($"'{parent.Name}' has an interface of VLAN {spec.Id} already, here or in a container");
        }
    }

    public void Check(PluginCall call, RouteSocket host, RouteSocket inside, Link link)
    {
        ParentLink.Check(call.Config.Root, host, inside, link);
        var id = call.Config.Root["vlanId"].Number(0, 0, LargestId);
        if (link.Details is VlanDetails details && details.Id != id)
        {
            throw PodInterface.Changed($"'{link.Name}' is of VLAN {details.Id}, not {id}");
        }
    }

    public void Status(PluginCall call, RouteSocket host) => ParentLink.Status(call.Config.Root, host);
}
