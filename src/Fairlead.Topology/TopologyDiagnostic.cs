using System.Collections.Immutable;
using System.Globalization;

namespace Fairlead.Topology;

/// <summary>Something a topology cannot have: where, what, and what to do about it.</summary>
/// <param name="Path">The field, as <c>links[0].ends[1].interface</c>; empty for the whole.</param>
public sealed record TopologyDiagnostic(string Path, string Message, string Remedy)
{
    /// <summary>Line and column in the file, where there is one.</summary>
    public (int Line, int Column)? At { get; init; }

    public override string ToString()
    {
        var place = At is { } at ? string.Create(CultureInfo.InvariantCulture, $"{at.Line}:{at.Column}: ") : "";
        return $"{place}{(Path.Length == 0 ? "" : $"{Path}: ")}{Message}; {Remedy}";
    }
}

/// <summary>A topology that cannot be made as it is described, with every reason at once.</summary>
public sealed class TopologyException(string? file, ImmutableArray<TopologyDiagnostic> diagnostics)
    : Exception(string.Join('\n', diagnostics.Select(d => Line(file, d))))
{
    public ImmutableArray<TopologyDiagnostic> Diagnostics { get; } = diagnostics;

    /// <summary>A line for each reason, as compilers write them: <c>FILE:LINE:COLUMN: FIELD: MESSAGE; REMEDY</c>.</summary>
    public IEnumerable<string> Lines => Diagnostics.Select(d => Line(file, d));

    /// <summary>Whether the description is at fault; otherwise it is the machine that has something in the way.</summary>
    public bool IsInvalid { get; init; } = true;

    private static string Line(string? file, TopologyDiagnostic d) => file is null ? d.ToString() : $"{file}{(d.At is null ? ": " : ":")}{d}";
}
