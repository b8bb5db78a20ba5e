using System.Collections.Immutable;
using Fairlead.Cni.Runtime;

namespace Fairlead.Lab.Pods;

/// <summary>What a node's pod runtime is told of its node, its lab and its cluster.</summary>
public sealed record PodRuntimeOptions
{
    /// <summary>The name of the Node object.</summary>
    public required string NodeName { get; init; }

    /// <summary>The address of the node, its <c>InternalIP</c>.</summary>
    public required string NodeAddress { get; init; }

    /// <summary>Where the network's configuration and plugins are. The plugins run in the node's namespace whatever this says of it.</summary>
    public required CniRuntimeOptions Network { get; init; }

    /// <summary>The native launcher that becomes the first process of a container.</summary>
    public required string Launcher { get; init; }

    /// <summary>How this machine runs <c>fairlead</c>: one path, or several words. Built-in images start with it.</summary>
    public required ImmutableArray<string> Fairlead { get; init; }

    /// <summary>The folder for logs, pod files and the registry of leftovers; the runtimes of a lab share it.</summary>
    public required string StateDirectory { get; init; }

    /// <summary>Part of the names of namespaces.</summary>
    public string Lab { get; init; } = "default";

    /// <summary>The address of the cluster's DNS Service.</summary>
    public string ClusterDns { get; init; } = "10.96.0.10";

    /// <summary>The domain of cluster names.</summary>
    public string ClusterDomain { get; init; } = "cluster.local";

    /// <summary>The certificate (PEM) that pods verify the API server with, where no ConfigMap <c>kube-root-ca.crt</c> gives it.</summary>
    public string? ClusterCertificate { get; init; }

    /// <summary>Folders and files of this machine that no container may see, such as the lab's own state.</summary>
    public ImmutableArray<string> Hidden { get; init; } = [];

    /// <summary>
    /// Folders that built-in images need and that a container would not see, because they are on another file system than the
    /// machine's root: a home partition, a mounted checkout.
    /// </summary>
    public ImmutableArray<string> ProgramFolders { get; init; } = [];

    /// <summary>More labels for the Node.</summary>
    public ImmutableSortedDictionary<string, string> NodeLabels { get; init; } = ImmutableSortedDictionary.Create<string, string>(StringComparer.Ordinal);

    /// <summary>What a pod with <c>dnsPolicy: Default</c> resolves with.</summary>
    public string NodeResolvConf { get; init; } = "/etc/resolv.conf";

    /// <summary>The names that a pod in the node's network has.</summary>
    public string NodeHosts { get; init; } = "/etc/hosts";

    /// <summary>How many pods the node says that it can run.</summary>
    public int PodCapacity { get; init; } = 110;

    /// <summary>
    /// How long a ready pod that is to end goes on serving before it is told. Kubelet tells it at once, and a server that stops at once
    /// then refuses requests that proxies still send, until they have heard of it too.
    /// </summary>
    public TimeSpan EndpointGrace { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long containers may take to end when the lab stops.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromMilliseconds(500);
}
