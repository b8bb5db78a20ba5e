namespace Fairlead.Topology.Containers;

/// <summary>What is asked of <c>fairlead run</c>.</summary>
public sealed record ContainerOptions
{
    /// <summary>The program and its arguments.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary><c>none</c>, <c>host</c>, <c>bridge</c>, or a network that was created.</summary>
    public string Network { get; init; } = NetworkNames.Bridge;

    /// <summary>Its name; one is made up where null.</summary>
    public string? Name { get; init; }

    /// <summary>Its host name; the first twelve digits of its id where null.</summary>
    public string? HostName { get; init; }

    /// <summary>Further names by which members of its network find it.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>Ports of the host that lead to it.</summary>
    public IReadOnlyList<PublishedPort> Ports { get; init; } = [];

    /// <summary>Resolvers in place of the host's.</summary>
    public IReadOnlyList<string> Dns { get; init; } = [];

    /// <summary>Addresses to have, of either family; the next free ones where none is given.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>Variables, beside those that every container has.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Removes every trace of it once it has ended.</summary>
    public bool Remove { get; init; }

    /// <summary>Keeps its output in a log, and not where the command was given.</summary>
    public bool Detached { get; init; }
}
