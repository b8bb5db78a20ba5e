using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>The host's end of a container's veth pair: its name follows from the attachment, its alias says whose it is.</summary>
/// <remarks>
/// The kernel takes no alias with the creation, only a group: until the alias is set, the group tells that the link is ours. So what
/// an ADD left that was killed in between can be told from a stranger's link of the same name, which is never touched.
/// </remarks>
internal static class HostCable
{
    private const uint UnfinishedGroup = 0x666c6463;
    private const int Names = 4;
    private const int CarrierPatience = 1000;

    /// <summary>Makes the pair, its far end straight in the container.</summary>
    /// <param name="make">The spec, given a name for the host's end.</param>
    /// <param name="finish">What is changed together with the alias.</param>
    public static Link Create(RouteSocket host, AttachmentMark mark, Rollback rollback, Func<string, VethSpec> make, LinkChange finish)
    {
        for (var attempt = 0; ; attempt++)
        {
            var name = HostName(mark, attempt);
            try
            {
                var veth = host.CreateVeth(make(name) with { Group = UnfinishedGroup, PeerGroup = 0 });
                rollback.Push($"link {name}", () => host.TryDeleteLink(name));
                host.SetLink(veth.Index, finish with { Alias = mark.Alias, Group = 0, Up = true });
                return veth;
            }
            catch (LinuxException e) when (e.IsExists && attempt < Names)
            {
                // What an interrupted ADD left of this attachment goes, and the name is tried again; another's stays, and the next one is.
                if (host.FindLink(name) is { } link && IsOf(link, mark) && host.TryDeleteLink(name))
                {
                    attempt--;
                }
            }
        }
    }

    public static VethSpec Spec(string name, PluginCall call, NetworkNamespace pod, MacAddress? mac, int? mtu) => new(name)
    {
        PeerName = call.Environment.InterfaceName,
        PeerNamespace = pod,
        PeerMac = mac,
        Mtu = mtu,
    };

    /// <summary>Removes what there is of an attachment's; nothing is fine.</summary>
    public static void Delete(RouteSocket host, AttachmentMark mark)
    {
        for (var attempt = 0; attempt <= Names; attempt++)
        {
            var name = HostName(mark, attempt);
            if (host.FindLink(name) is { } link && IsOf(link, mark))
            {
                host.TryDeleteLink(name);
            }
        }
    }

    /// <summary>Removes the cables, and other links that bear the mark, of attachments that are no more.</summary>
    public static void CollectGarbage(string kind, string network, ImmutableArray<CniAttachmentKey> valid)
    {
        using var host = RouteSocket.Open();
        foreach (var link in host.Links().Where(l => l.Kind == kind && AttachmentMark.OfAlias(l.Alias)?.IsStale(network, valid) == true))
        {
            host.TryDeleteLink(link.Name);
        }
    }

    /// <summary>A port passes nothing until the kernel has noticed that its cable is plugged in; a first packet lost then costs a second.</summary>
    public static void WaitForCarrier(RouteSocket host, Link veth)
    {
        var deadline = Environment.TickCount64 + CarrierPatience;
        while (host.FindLink(veth.Index) is { Running: false } && Environment.TickCount64 < deadline)
        {
            Thread.Yield();
        }
    }

    private static string HostName(AttachmentMark mark, int attempt) => $"veth{mark.Hash(attempt)}";

    private static bool IsOf(Link link, AttachmentMark mark)
        => link.Kind == "veth"
            && (mark.IsSameAs(AttachmentMark.OfAlias(link.Alias)) || (link is { Group: UnfinishedGroup, Alias: null }));
}
