using System.Collections.Immutable;
using System.Net;

namespace Fairlead.Topology.Kernel;

/// <summary>What is in one host now: what is the topology's, and what of others could be in its way.</summary>
/// <param name="State">The topology's own things.</param>
/// <param name="Exists">Whether there is such a namespace.</param>
internal sealed record HostActual(HostState State, bool Exists)
{
    /// <summary>Whose namespace it is, where it is there and not this topology's; null otherwise.</summary>
    public string? ForeignOwner { get; init; }

    /// <summary>Interfaces of others, and what they are.</summary>
    public ImmutableSortedDictionary<string, string> ForeignLinks { get; init; } = HostState.NoSettings;

    /// <summary>Networks that interfaces of others are in.</summary>
    public ImmutableArray<(IPNetwork Network, string Link)> ForeignNetworks { get; init; } = [];

    /// <summary>Destinations of routes that are not ours to change.</summary>
    public ImmutableArray<IPNetwork> ForeignRoutes { get; init; } = [];

    /// <summary>Whether a table of our name is there without our label.</summary>
    public bool ForeignTable { get; init; }

    /// <summary>Whether somebody changed our table by hand.</summary>
    public bool TableIsBroken { get; init; }

    /// <summary>Numbers of the topology's interfaces.</summary>
    public ImmutableSortedDictionary<string, int> Indices { get; init; } = ImmutableSortedDictionary.Create<string, int>(StringComparer.Ordinal);
}
