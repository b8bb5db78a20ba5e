namespace Fairlead.Agent.Problems;

/// <summary>Something that is wrong on or with this node: what, where, and what mends it.</summary>
/// <param name="Reason">One CamelCase word, for Events.</param>
/// <param name="Message">A sentence for people that names the place and the remedy. Nothing in it that changes by itself, such as an age: a change is news.</param>
/// <param name="Blocks">Whether the node cannot carry new pods because of it: then it is not ready.</param>
/// <param name="Node">Another node that it is about; null for this one. Events are written only about this node, else each node of a cluster would write them.</param>
internal sealed record Problem(string Reason, string Message, bool Blocks = false, string? Node = null);
