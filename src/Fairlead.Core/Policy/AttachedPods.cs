using System.Collections.Immutable;
using Fairlead.Kube.State;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Policy;

/// <summary>The pods that are plugged in on this node, as the node itself knows it: before the API says so, and after it has forgotten them.</summary>
/// <param name="Version">Grows with each change.</param>
/// <param name="Pods">The pods by their names.</param>
public sealed record AttachedPods(long Version, ImmutableDictionary<ObjectKey, AttachedPod> Pods)
{
    public static AttachedPods None { get; } = new(0, ImmutableDictionary<ObjectKey, AttachedPod>.Empty);
}

/// <summary>A pod that is plugged in.</summary>
/// <param name="Uid">Which of the pods of that name it is; empty where that is not known.</param>
/// <param name="Addresses">What it was given.</param>
public sealed record AttachedPod(string Uid, EquatableArray<PodAddress> Addresses)
{
    /// <summary>Whether it may be this object's.</summary>
    public bool IsOf(Pod pod) => Uid.Length == 0 || pod.Metadata.Uid.Length == 0 || Uid == pod.Metadata.Uid;
}
