using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>A kind of interface that a plugin makes in a container, with nothing of it left on the host.</summary>
internal interface IContainerLink
{
    /// <summary>The kernel's name of the kind.</summary>
    string Kind { get; }

    /// <summary>An interface of the kind, to ask the kernel by whether it has it; null where that is to be found otherwise.</summary>
    LinkSpec? Sample { get; }

    /// <summary>Whether a network of it makes no sense without addresses.</summary>
    bool NeedsAddresses { get; }

    /// <summary>Reads the options and refuses what makes no sense, without touching anything.</summary>
    void Verify(PluginCall call);

    /// <summary>Makes the interface in the container.</summary>
    void Create(PluginCall call, RouteSocket host, RouteSocket inside, NetworkNamespace pod);

    /// <summary>CHECK: what is of the kind alone.</summary>
    void Check(PluginCall call, RouteSocket host, RouteSocket inside, Link link);

    /// <summary>STATUS: what an ADD would stumble over.</summary>
    void Status(PluginCall call, RouteSocket host);
}
