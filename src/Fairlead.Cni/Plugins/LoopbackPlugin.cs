using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>Sets the loopback interface of a container up; the kernel gives it its addresses then.</summary>
internal sealed class LoopbackPlugin : IPlugin
{
    private const string Name = "lo"; // whatever CNI_IFNAME says: there is no other

    public CniResult Add(PluginCall call)
    {
        using var pod = PodNamespace.Open(call.Environment);
        using var links = RouteSocket.Open(pod);
        var loopback = links.GetLink(Name);
        links.SetUp(loopback.Index);
        return call.Config.Previous ?? new CniResult
        {
            Interfaces = [new CniInterface(Name, "00:00:00:00:00:00", call.Environment.Namespace)],
            Addresses =
            [
                .. links.Addresses(loopback.Index)
                    .Select(a => new CniAddress(a.Address.Address, a.Address.PrefixLength, Interface: 0)),
            ],
        };
    }

    public void Delete(PluginCall call)
    {
        using var pod = PodNamespace.Find(call.Environment);
        if (pod is null)
        {
            return;
        }

        using var links = RouteSocket.Open(pod);
        links.SetLink(links.GetLink(Name).Index, new LinkChange { Up = false });
    }

    public void Check(PluginCall call)
    {
        using var pod = PodNamespace.Open(call.Environment);
        using var links = RouteSocket.Open(pod);
        if (!links.GetLink(Name).Up)
        {
            throw new CniException(CniErrorCode.AttachmentChanged, $"{Name} is down");
        }
    }

    public void Status(PluginCall call)
    {
        // It needs nothing but the kernel.
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
    {
        // What it changes goes with the namespace.
    }
}
