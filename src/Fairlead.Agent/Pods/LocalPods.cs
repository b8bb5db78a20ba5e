using System.Collections.Immutable;
using Fairlead.Cni.AgentSocket;
using Fairlead.Cni.Protocol;
using Fairlead.Core.Policy;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Agent.Pods;

/// <summary>The pods that are plugged in on this node: told by the plugins, and read back from the kernel and the disk.</summary>
/// <param name="network">The network's name.</param>
/// <param name="leases">The folder in which addresses are kept.</param>
/// <param name="node">The node's network; null for this process's own.</param>
internal sealed class LocalPods(string network, string leases, NetworkNamespace? node)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<CniAttachmentKey, (PodAttachment Pod, bool IsPlugged)> _pods = [];

    /// <summary>The newest state, for the policies.</summary>
    public Snapshot<AttachedPods> Attached { get; } = new(AttachedPods.None);

    /// <summary>Takes in what is there though nobody told, and lets go of what has lost its cable.</summary>
    public void ReadBack()
    {
        lock (_lock)
        {
            var found = NodeAttachments.Read(network, leases, node).DistinctBy(p => p.Key).ToDictionary(p => p.Key);
            var gone = _pods.Where(p => p.Value.IsPlugged && !found.ContainsKey(p.Key)).Select(p => p.Key).ToList();
            var missed = found.Values.Where(p => p.Name.Length > 0 && !_pods.ContainsKey(p.Key)).ToList();
            gone.ForEach(key => _pods.Remove(key));
            missed.ForEach(pod => _pods[pod.Key] = (pod, true));
            if (gone.Count + missed.Count > 0)
            {
                Publish();
            }
        }
    }

    /// <summary>A pod has its addresses; its cable comes next.</summary>
    /// <returns>The version that it is in.</returns>
    public long Put(PodAttachment pod)
    {
        lock (_lock)
        {
            _pods[pod.Key] = (pod, false);
            return Publish();
        }
    }

    /// <summary>A pod has its cable.</summary>
    public void Settle(CniAttachmentKey key)
    {
        lock (_lock)
        {
            if (_pods.TryGetValue(key, out var entry))
            {
                _pods[key] = entry with { IsPlugged = true };
            }
        }
    }

    /// <summary>A pod is unplugged.</summary>
    public void Remove(CniAttachmentKey key)
    {
        lock (_lock)
        {
            if (_pods.Remove(key))
            {
                Publish();
            }
        }
    }

    private long Publish()
    {
        var version = Attached.Current.Version + 1;
        Attached.Publish(new(version, _pods.Values.Select(p => p.Pod).GroupBy(p => new ObjectKey(p.Namespace, p.Name)).ToImmutableDictionary(p => p.Key, p => Merge([.. p]))));
        return version;
    }

    /// <summary>Several interfaces of one pod, or the pod and one before it of the same name, whose uid then is another.</summary>
    private static AttachedPod Merge(IReadOnlyList<PodAttachment> pods)
    {
        var newest = pods[^1];
        return new(newest.Uid, [.. pods.Where(p => p.Uid == newest.Uid).SelectMany(p => p.Addresses).Select(a => new PodAddress(a)).Distinct()]);
    }
}
