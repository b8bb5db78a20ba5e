namespace Fairlead.Dns.Corefile;

/// <summary>A place in a Corefile or in a file it imports.</summary>
public readonly record struct Position(string File, int Line)
{
    public override string ToString() => $"{File}:{Line}";
}

/// <summary>What is wrong with a Corefile, and where: <c>Corefile:3: Unknown directive 'x'</c>.</summary>
public sealed class CorefileException(Position at, string problem, Exception? inner = null) : Exception($"{at}: {problem}", inner)
{
    public Position At { get; } = at;

    public int Line => At.Line;
}
