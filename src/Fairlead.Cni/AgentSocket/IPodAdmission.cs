using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.AgentSocket;

/// <summary>Says whether a pod may be plugged in, and brings about first what must be in force by then.</summary>
public interface IPodAdmission
{
    /// <summary>Called when the pod has its addresses and no cable yet: not one packet of it can pass before this returns.</summary>
    /// <exception cref="CniException">It cannot be plugged in now; what was done for it is undone.</exception>
    void Admit(PodAttachment pod);
}

/// <summary>An interface of a pod of this node.</summary>
/// <param name="Key">The attachment.</param>
/// <param name="Namespace">The pod's namespace; empty where the runtime does not say which pod it is.</param>
/// <param name="Name">The pod's name.</param>
/// <param name="Uid">The pod's uid; empty where it is not known.</param>
/// <param name="Addresses">Its addresses.</param>
public sealed record PodAttachment(CniAttachmentKey Key, string Namespace, string Name, string Uid, ImmutableArray<IPAddress> Addresses);
