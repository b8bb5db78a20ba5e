using System.Collections.Immutable;

namespace Fairlead.Cni.Runtime;

/// <summary>A network as its file describes it, in words.</summary>
/// <param name="Name">The network's name.</param>
/// <param name="File">Its file.</param>
/// <param name="Version">The version of the specification that its plugins are spoken to in.</param>
/// <param name="Plugins">The plugins, in the order in which an ADD runs them.</param>
public sealed record CniNetwork(string Name, string File, string Version, ImmutableArray<CniNetworkPlugin> Plugins)
{
    /// <summary>Whether CHECK does nothing (<c>disableCheck</c>).</summary>
    public bool ChecksDisabled { get; init; }

    /// <summary>Whether GC does nothing (<c>disableGC</c>).</summary>
    public bool CollectionDisabled { get; init; }
}

/// <summary>A plugin of a network and what it would do.</summary>
/// <param name="Type">The plugin's name.</param>
/// <param name="Executable">Where it was found; null where it was not.</param>
/// <param name="Steps">What an ADD would do, in order.</param>
public sealed record CniNetworkPlugin(string Type, string? Executable, ImmutableArray<CniStep> Steps);

/// <summary>A step of an ADD: one word for what is done, and a sentence for how.</summary>
/// <param name="Word">namespace, bridge, veth, attach, address, up, masquerade, and for what comes after those: route, port, rate, rule, setting.</param>
/// <param name="What">The sentence.</param>
public sealed record CniStep(string Word, string What);
