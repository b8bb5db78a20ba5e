namespace Fairlead.Topology.Containers;

/// <summary>Why a container or a network of containers cannot be as asked, and what to do about it.</summary>
public sealed class ContainerException(string message, string? remedy = null) : Exception(message)
{
    /// <summary>What to try instead.</summary>
    public string? Remedy { get; } = remedy;

    /// <summary>Whether the command itself was wrong, and not the state of things.</summary>
    public bool IsWrongUsage { get; init; }

    /// <summary>A command that could never be done.</summary>
    public static ContainerException Usage(string message, string? remedy = null) => new(message, remedy) { IsWrongUsage = true };
}
