using System.Collections.Immutable;

namespace Fairlead.Topology;

/// <summary>One change to a host. Its text is the line that a person reads.</summary>
public abstract record TopologyStep(string Host)
{
    /// <summary>+ for what is made, - for what is removed, ~ for what is changed.</summary>
    public abstract char Sign { get; }

    /// <summary>What is made, removed or changed.</summary>
    public abstract string What { get; }

    public sealed override string ToString() => $"{Sign} {What}";
}

/// <summary>The steps from what is to what shall be, in order.</summary>
public sealed record TopologyPlan(ImmutableArray<TopologyStep> Steps)
{
    public bool IsEmpty => Steps.IsEmpty;

    /// <summary>A line for each step.</summary>
    public override string ToString() => string.Concat(Steps.Select(s => $"{s}\n"));
}
