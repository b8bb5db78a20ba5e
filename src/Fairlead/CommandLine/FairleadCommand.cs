using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Fairlead.CommandLine;

/// <summary>A command whose help ends with examples.</summary>
internal abstract class FairleadCommand(string name, string description) : Command(name, description)
{
    /// <summary>Whole command lines, each with what it does.</summary>
    public virtual IReadOnlyList<(string CommandLine, string What)> Examples => [];

    /// <summary>Whether the command deals with interrupts itself; else they cancel it.</summary>
    public virtual bool HandlesSignals => false;
}

/// <summary>The usual help, then a role's own flags and the command's examples.</summary>
internal sealed class HelpWithExamples(HelpAction usual) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        var code = usual.Invoke(parseResult);
        if (parseResult.CommandResult.Command is RoleCommand role)
        {
            role.WriteFlags(parseResult.InvocationConfiguration.Output);
            parseResult.InvocationConfiguration.Output.WriteLine();
        }

        if (parseResult.CommandResult.Command is FairleadCommand { Examples: { Count: > 0 } examples })
        {
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (var (commandLine, what) in examples)
            {
                output.WriteLine($"  {commandLine}");
                output.WriteLine($"      {what}");
            }
        }

        return code;
    }

    /// <summary>Replaces the help of a command and of everything below it.</summary>
    public static void Install(Command root)
    {
        foreach (var option in root.Options.OfType<HelpOption>())
        {
            if (option.Action is HelpAction usual)
            {
                option.Action = new HelpWithExamples(usual);
            }
        }
    }
}
