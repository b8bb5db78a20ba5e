using System.Collections.Immutable;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Cni.Runtime;

/// <summary>Where a <see cref="CniRuntime"/> finds networks and plugins, and how it runs them.</summary>
public sealed record CniRuntimeOptions
{
    /// <summary>The folder of <c>.conf</c>, <c>.json</c> and <c>.conflist</c> files.</summary>
    public string ConfigDirectory { get; init; } = "/etc/cni/net.d";

    /// <summary>The folders of plugins, searched in order.</summary>
    public ImmutableArray<string> PluginDirectories { get; init; } = ["/opt/cni/bin"];

    /// <summary>The folder that results are kept in, as libcni keeps them.</summary>
    public string CacheDirectory { get; init; } = "/var/lib/cni";

    /// <summary>The network to use; where none is named, the first in lexical order of the files.</summary>
    public string? Network { get; init; }

    /// <summary>The namespace that plugins run in: the node's. None means the caller's own.</summary>
    public NetworkNamespace? NodeNamespace { get; init; }

    /// <summary>How long one plugin may take before it is killed.</summary>
    public TimeSpan PluginTimeLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How many bytes a plugin may write to its output, and to its errors, before it is killed.</summary>
    public int MaximumOutput { get; init; } = 1 << 20;
}
