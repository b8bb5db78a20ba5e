using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Ipam;
using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.AgentSocket;

/// <summary>What a node and its disk say of the pods that are plugged in, whoever did that.</summary>
public static class NodeAttachments
{
    /// <summary>The pods that have a cable, by the marks on their cables, with the addresses that are kept for them.</summary>
    /// <param name="network">The network's name.</param>
    /// <param name="dataDirectory">The folder in which <c>host-local</c> keeps addresses (<c>ipam.dataDir</c>).</param>
    /// <param name="node">The node's network; null for the caller's own.</param>
    public static ImmutableArray<PodAttachment> Read(string network, string dataDirectory, NetworkNamespace? node)
    {
        using var links = RouteSocket.Open(node);
        var cables = links.Links().Where(l => l.Kind == "veth").Select(l => AttachmentMark.OfAlias(l.Alias)).OfType<AttachmentMark>().ToList();

        // Second: what had a cable then had its addresses before.
        var addresses = Addresses(network, dataDirectory);
        var found = ImmutableArray.CreateBuilder<PodAttachment>();
        foreach (var mark in cables)
        {
            if (addresses.GetValueOrDefault(mark.ToString()) is var (key, own))
            {
                var pod = mark.Pod?.Split('/', 2);
                found.Add(new(key, pod is [var ns, _] ? ns : "", pod is [_, var name] ? name : "", "", [.. own]));
            }
        }

        return found.ToImmutable();
    }

    private static Dictionary<string, (CniAttachmentKey Key, List<IPAddress> Addresses)> Addresses(string network, string dataDirectory)
    {
        var all = new Dictionary<string, (CniAttachmentKey, List<IPAddress> Addresses)>(StringComparer.Ordinal);
        using var store = AddressStore.Find(Path.Combine(dataDirectory, network));
        foreach (var (address, owner) in store?.Owners() ?? [])
        {
            var mark = AttachmentMark.Of(network, owner).ToString();
            if (!all.TryGetValue(mark, out var entry))
            {
                all[mark] = entry = (owner, []);
            }

            entry.Addresses.Add(address);
        }

        return all;
    }
}
