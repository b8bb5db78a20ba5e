namespace Fairlead.Core.Services;

/// <summary>What the meaning of a Service depends on at the node that looks at it.</summary>
public sealed record NodeFacts(string Name);
