using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Ipam;
using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.AgentSocket;

/// <summary>What a node and its disk say of the pods that are plugged in, whoever did that.</summary>
public static class NodeAttachments
{
    /// <summary>Longer than any runtime lets an ADD take.</summary>
    private static readonly TimeSpan s_longestAdd = TimeSpan.FromMinutes(5);

    /// <summary>The pods that have a cable, by the marks on their cables, with the addresses that are kept for them.</summary>
    /// <param name="network">The network's name.</param>
    /// <param name="dataDirectory">The folder in which <c>host-local</c> keeps addresses (<c>ipam.dataDir</c>).</param>
    /// <param name="node">The node's network; null for the caller's own.</param>
    public static ImmutableArray<PodAttachment> Read(string network, string dataDirectory, NetworkNamespace? node)
    {
        var cables = Cables(node);

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

    /// <summary>Gives back addresses whose pods are no more: neither has the node a cable of theirs, nor the runtime a namespace.</summary>
    /// <remarks>A runtime that was killed, and a machine that lost power, send no DEL. What was taken a moment ago may get its cable yet, and stays.</remarks>
    /// <param name="network">The network's name.</param>
    /// <param name="dataDirectory">The folder in which <c>host-local</c> keeps addresses (<c>ipam.dataDir</c>).</param>
    /// <param name="node">The node's network; null for the caller's own.</param>
    /// <param name="runtime">What the container runtime remembers.</param>
    /// <param name="time">The clock.</param>
    /// <returns>What was given back.</returns>
    public static ImmutableArray<(IPAddress Address, CniAttachmentKey Owner)> GiveBackLost(
        string network, string dataDirectory, NetworkNamespace? node, IReadOnlyCollection<CniAttachment> runtime, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(time);

        // First: what has its address by then and no cable is looked at by its age.
        var before = time.GetUtcNow() - s_longestAdd;
        var cables = Cables(node).Select(mark => mark.ToString()).ToHashSet(StringComparer.Ordinal);
        using var store = AddressStore.Find(Path.Combine(dataDirectory, network));
        var lost = (store?.Owners() ?? [])
            .Where(o => !cables.Contains(AttachmentMark.Of(network, o.Owner).ToString()) && store!.TakenAt(o.Address) < before)
            .Where(o => !runtime.Any(a => a.Key == o.Owner && IsNamespace(a.NetworkNamespace)))
            .ToImmutableArray();
        foreach (var owner in lost.Select(o => o.Owner).Distinct())
        {
            store!.Release(owner);
        }

        return lost;
    }

    private static bool IsNamespace(string path)
    {
        try
        {
            NetworkNamespace.OpenPath(path).Dispose();
            return true;
        }
        catch (Exception e) when (e is IOException or ArgumentException)
        {
            return false;
        }
    }

    private static List<AttachmentMark> Cables(NetworkNamespace? node)
    {
        using var links = RouteSocket.Open(node);
        return [.. links.Links().Where(l => l.Kind == "veth").Select(l => AttachmentMark.OfAlias(l.Alias)).OfType<AttachmentMark>()];
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
