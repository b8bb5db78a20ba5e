using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>Moves an interface of the host into a container, and back with its old name.</summary>
/// <remarks>
/// While it is away its alias holds the name it had, as with the reference plugin. A real network card comes back by itself when the
/// namespace ends; anything else ends with it.
/// </remarks>
internal sealed class HostDevicePlugin : IPlugin
{
    public CniResult Add(PluginCall call)
    {
        var device = HostDevice.Read(call.Config);
        var name = call.Environment.InterfaceName;
        using var pod = PodNamespace.Open(call.Environment);
        using var host = RouteSocket.Open();
        using var inside = RouteSocket.Open(pod);
        using var rollback = new Rollback(call.Host);
        var interfaces = ImmutableArray<CniInterface>.Empty;
        if (!device.HasUserspaceDriver)
        {
            PodInterface.RefuseExisting(inside, call.Environment);
            var link = device.Find(host);
            rollback.Push($"move of {link.Name}", () => MoveBack(inside, name));
            MoveIn(host, inside, pod, link, name);
        }

        var ipam = IpamDelegate.Find(call);
        var given = new CniResult();
        if (ipam is not null)
        {
            rollback.Push("addresses", ipam.Delete);
            given = ipam.Add();
        }

        var addresses = given.Addresses.Select(a => a with { Interface = 0 }).ToImmutableArray();
        if (!device.HasUserspaceDriver)
        {
            PodInterface.Configure(inside, pod, inside.GetLink(name), addresses, given.Routes);
            interfaces = [PodInterface.Describe(inside.GetLink(name), call.Environment) with { PciId = device.PciAddress }];
        }
        else
        {
            interfaces = [new CniInterface(name, "", call.Environment.Namespace, PciId: device.PciAddress)];
        }

        rollback.Disarm();
        var dns = ResultReader.Dns(call.Config.Root["dns"]);
        return new CniResult { Interfaces = interfaces, Addresses = addresses, Routes = given.Routes, Dns = dns.IsEmpty ? given.Dns : dns };
    }

    public void Delete(PluginCall call)
    {
        using (var pod = PodNamespace.Find(call.Environment))
        {
            if (pod is not null)
            {
                using var inside = RouteSocket.Open(pod);
                MoveBack(inside, call.Environment.InterfaceName);
            }
        }

        IpamDelegate.Find(call)?.Delete();
    }

    public void Check(PluginCall call)
    {
        var device = HostDevice.Read(call.Config);
        IpamDelegate.Find(call)?.Check();
        if (!device.HasUserspaceDriver)
        {
            PodInterface.Verify(call, call.Config.Previous!);
        }
    }

    public void Status(PluginCall call)
    {
        // The device may be away, in a container: that is no fault of the network's.
        _ = HostDevice.Read(call.Config);
        IpamDelegate.Find(call)?.Status();
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid) => IpamDelegate.Find(call)?.CollectGarbage(valid);

    /// <summary>Under a name that is nobody's on the way: the container may have its own of the device's name.</summary>
    private static void MoveIn(RouteSocket host, RouteSocket inside, NetworkNamespace pod, Link link, string name)
    {
        if (link.Up)
        {
            host.SetLink(link.Index, new LinkChange { Up = false });
        }

        var passing = $"fl{StableHash.Text($"{link.Name} {link.Index}")}";
        host.SetLink(link.Index, new LinkChange { Alias = link.Name });
        try
        {
            host.SetLink(link.Index, new LinkChange { Name = passing });
            host.SetLink(link.Index, new LinkChange { Namespace = pod });
        }
        catch (LinuxException)
        {
            host.SetLink(link.Index, new LinkChange { Name = link.Name, Alias = link.Alias ?? "", Up = link.Up });
            throw;
        }

        inside.SetLink(inside.GetLink(passing).Index, new LinkChange { Name = name });
    }

    private static void MoveBack(RouteSocket inside, string name)
    {
        if (inside.FindLink(name) is not { Alias: { Length: > 0 } original } link || CniNames.InterfaceNameFault(original) is not null)
        {
            return;
        }

        using var host = NetworkNamespace.Current();
        using var home = RouteSocket.Open(host);
        inside.SetLink(link.Index, new LinkChange { Up = false });

        // Its name may be taken at home, and the kernel then refuses the move: it goes under one that is nobody's, and is named there.
        var passing = $"fl{StableHash.Text($"{original} {link.Index}")}";
        inside.SetLink(link.Index, new LinkChange { Name = passing });
        inside.SetLink(link.Index, new LinkChange { Namespace = host });
        home.SetLink(home.GetLink(passing).Index, new LinkChange { Name = original, Alias = "" });
    }
}
