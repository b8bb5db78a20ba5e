using System.Collections.Immutable;

namespace Fairlead.Lab.Workloads;

/// <summary>A program that the lab can run for a pod's <c>image</c> without any registry.</summary>
/// <remarks>
/// It mirrors an OCI image: <see cref="Entrypoint"/> is used unless the container has a <c>command</c> (then it is no built-in image any
/// more, but a program of the host), and the container's <c>args</c> replace <see cref="DefaultArguments"/>.
/// </remarks>
public sealed record BuiltInImage
{
    /// <summary>The name without a tag: <c>fairlead/http</c>.</summary>
    public required string Name { get; init; }

    /// <summary>One line for people.</summary>
    public required string Description { get; init; }

    /// <summary>The program: arguments of the <c>fairlead</c> executable, or a whole command when <see cref="OfHost"/> is set.</summary>
    public required ImmutableArray<string> Entrypoint { get; init; }

    /// <summary>What follows the entrypoint when the container has no <c>args</c>.</summary>
    public ImmutableArray<string> DefaultArguments { get; init; } = [];

    /// <summary>The entrypoint is a program of the host's file system, not one of the <c>fairlead</c> executable.</summary>
    public bool OfHost { get; init; }

    /// <summary>Variables the program is started with; a container's own <c>env</c> wins.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Environment { get; init; } = [];

    /// <summary>The argument vector to execute.</summary>
    /// <param name="executable">How this machine runs <c>fairlead</c>: the path of the executable, or several words such as <c>dotnet
    /// fairlead.dll</c>.</param>
    /// <param name="args">The container's <c>args</c>; null or empty takes the default ones.</param>
    public ImmutableArray<string> CommandLine(IReadOnlyList<string> executable, IReadOnlyList<string>? args)
    {
        IEnumerable<string> program = OfHost ? Entrypoint : [.. executable, .. Entrypoint];
        return [.. program, .. args is { Count: > 0 } ? args : DefaultArguments];
    }
}
