using Spectre.Console;

namespace Fairlead.CommandLine;

/// <summary>The console as people read it.</summary>
internal static class People
{
    /// <summary>A pipe or a file has no width, and cutting cells to fit 80 columns there would lose what a person greps for.</summary>
    private const int WidthOfFile = 250;

    public static IAnsiConsole Console()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings());
        if (System.Console.IsOutputRedirected)
        {
            console.Profile.Width = WidthOfFile;
        }

        return console;
    }
}
