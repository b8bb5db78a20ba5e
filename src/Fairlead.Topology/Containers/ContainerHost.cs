using Fairlead.Linux.Namespaces;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers;

/// <summary>What containers need of their surroundings.</summary>
public sealed record ContainerHost
{
    /// <summary>The folder of their state.</summary>
    public required string StateFolder { get; init; }

    /// <summary>The executable that becomes a container's first process; without it nothing can be started.</summary>
    public string? Launcher { get; init; }

    /// <summary>The network stack they are attached to; that of the caller where null.</summary>
    public NetworkNamespace? Network { get; init; }

    /// <summary>Starts a resolver for a container; without it names of members are not resolved.</summary>
    public Func<ResolverRequest, CancellationToken, Task<IContainerResolver>>? Resolver { get; init; }

    /// <summary>Files and folders of the host that containers must not see.</summary>
    public IReadOnlyList<string> Hidden { get; init; } = [];

    /// <summary>The host's resolver settings.</summary>
    public string ResolvConf { get; init; } = "/etc/resolv.conf";

    /// <summary>The host's table of names.</summary>
    public string HostsFile { get; init; } = "/etc/hosts";

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    internal ContainerStore Store() => new(StateFolder, Time);
}

/// <summary>What a container's resolver is to do.</summary>
/// <param name="Inside">The container's network stack, which it listens in.</param>
/// <param name="Members">The file of names and addresses of the network's members, in the form of /etc/hosts; null for none.</param>
/// <param name="Upstreams">Where everything else is asked, from the host; none where nothing is to be passed on.</param>
public sealed record ResolverRequest(NetworkNamespace Inside, string? Members, IReadOnlyList<string> Upstreams);

/// <summary>A resolver at 127.0.0.11 in a container's network stack.</summary>
public interface IContainerResolver : IAsyncDisposable
{
    /// <summary>The port that it listens on, for UDP and TCP.</summary>
    int Port { get; }
}
