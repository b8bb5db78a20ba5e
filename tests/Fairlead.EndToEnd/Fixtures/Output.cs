namespace Fairlead.EndToEnd.Fixtures;

/// <summary>What a command said and how it ended.</summary>
public sealed record Output(string Command, int ExitCode, string Text, string Error)
{
    /// <summary>The command's output; fails the test with all it said when it failed.</summary>
    public string Ok()
    {
        Assert.True(ExitCode == 0, ToString());
        return Text;
    }

    /// <summary>What the command said on its error stream; fails the test when it did not fail.</summary>
    public string Failed()
    {
        Assert.True(ExitCode != 0, ToString());
        return Error;
    }

    public override string ToString() => $"$ {Command}\n{Text}{Error}(exit code {ExitCode})";
}
