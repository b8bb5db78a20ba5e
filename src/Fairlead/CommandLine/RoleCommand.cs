namespace Fairlead.CommandLine;

/// <summary>A role: a server that reads its words itself, in the form of the program that it replaces (<c>-conf</c>, <c>--configmap=…</c>).</summary>
internal sealed class RoleCommand : FairleadCommand
{
    private readonly IReadOnlyList<(string CommandLine, string What)> _examples;

    /// <param name="name">The command.</param>
    /// <param name="description">One sentence.</param>
    /// <param name="run">Runs the role with the words after the command until it is cancelled; returns the exit code.</param>
    /// <param name="examples">Whole command lines.</param>
    public RoleCommand(
        string name,
        string description,
        Func<IReadOnlyList<string>, CancellationToken, Task<int>> run,
        params IReadOnlyList<(string CommandLine, string What)> examples)
        : base(name, description)
    {
        _examples = examples;
        TreatUnmatchedTokensAsErrors = false;
        SetAction((parsed, ct) => run([.. parsed.UnmatchedTokens], ct));
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples => _examples;

    /// <summary>Prints the words that the role reads itself, for its help.</summary>
    public required Action<TextWriter> WriteFlags { get; init; }
}
