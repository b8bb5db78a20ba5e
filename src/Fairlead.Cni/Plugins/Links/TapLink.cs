using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>An interface whose other end is a program, as that of a virtual machine.</summary>
internal sealed class TapLink : IContainerLink
{
    private const string LabelFile = "/proc/thread-self/attr/sockcreate";

    public string Kind => "tun"; // the kernel's name for both

    public LinkSpec? Sample => null; // it is made through a device file

    public bool NeedsAddresses => false;

    public void Verify(PluginCall call)
    {
        var root = call.Config.Root;
        call.Environment.Arguments.RefuseUnknown("MAC");
        _ = (LinkMtu.Read(root["mtu"]), RequestedMac.Read(call, "mac"), root["multiQueue"].Flag(), root["selinuxContext"].Text());
        _ = (Id(root["owner"]), Id(root["group"]));
        if (root["bridge"].Text() is { Length: > 0 } bridge && CniNames.InterfaceNameFault(bridge) is { } fault)
        {
            throw root["bridge"].Fault($"'{bridge}' {fault}");
        }
    }

    public void Create(PluginCall call, RouteSocket host, RouteSocket inside, NetworkNamespace pod)
    {
        var root = call.Config.Root;
        var name = call.Environment.InterfaceName;
        var spec = new TunSpec(name)
        {
            IsTap = true, Persistent = true, MultiQueue = root["multiQueue"].Flag(), Owner = Id(root["owner"]), Group = Id(root["group"]),
        };
        pod.Run(() =>
        {
            Label(root["selinuxContext"]);
            TunInterface.Create(spec).Dispose();
        });
        var master = root["bridge"].Text() is { Length: > 0 } bridge
            ? inside.FindLink(bridge) ?? throw root["bridge"].Fault($"there is no interface '{bridge}' in {call.Environment.Namespace}")
            : null;
        inside.SetLink(inside.GetLink(name).Index, new LinkChange
        {
            Mac = RequestedMac.Read(call, "mac"), Mtu = LinkMtu.Read(root["mtu"]), Master = master?.Index,
        });
    }

    public void Check(PluginCall call, RouteSocket host, RouteSocket inside, Link link)
    {
        if (link.Details is TunDetails { IsTap: false })
        {
            throw PodInterface.Changed($"'{link.Name}' carries packets and not frames");
        }
    }

    public void Status(PluginCall call, RouteSocket host)
    {
        if (!File.Exists("/dev/net/tun"))
        {
            throw new CniException(CniErrorCode.NotAvailable, "/dev/net/tun is missing: this kernel has no TUN/TAP (CONFIG_TUN)");
        }
    }

    private static uint? Id(ConfigNode node) => node.Number(0, int.MaxValue) is { } id ? (uint)id : null;

    /// <summary>What the thread makes from now on bears the label; the thread ends with the namespace's visit.</summary>
    private static void Label(ConfigNode node)
    {
        if (node.Text() is not { Length: > 0 } context)
        {
            return;
        }

        try
        {
            File.WriteAllText(LabelFile, context);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or LinuxException)
        {
            throw new CniException(CniErrorCode.UnsupportedField, $"{node.Path}: SELinux took no label '{context}': {e.Message}", inner: e);
        }
    }
}
