using System.CommandLine;
using Fairlead.CommandLine;
using Fairlead.Commands;
using Fairlead.Commands.Cni;
using Fairlead.Commands.Net;
using Fairlead.Kube.Client;
using Fairlead.Lab;
using Fairlead.Topology;
using Fairlead.Topology.Containers;

namespace Fairlead;

/// <summary>The entry point of <c>fairlead</c>: it knows the commands, and nothing else.</summary>
internal static class Program
{
    private static readonly TimeSpan s_endPatience = TimeSpan.FromSeconds(60);

    private static async Task<int> Main(string[] args)
    {
        var time = TimeProvider.System;
        var root = new RootCommand("The whole network of a Kubernetes cluster, in one program.")
        {
            new UpCommand(time),
            new StatusCommand(time),
            new DownCommand(time),
            new AgentCommand(),
            new ProxyCommand(),
            new ApiServerCommand(),
            new CleanupCommand(time),
            new NetCommand(time),
            new Fairlead.Commands.Ipam.IpamCommand(time),
            new CniCommand(time),
            new RunCommand(time),
            new SuperviseCommand(time),
            new PsCommand(time),
            new LogsCommand(time),
            new StopCommand(time),
            new RmCommand(time),
            new NetworkCommand(time),
        };
        foreach (var role in Roles.All)
        {
            root.Subcommands.Add(role);
        }

        HelpWithExamples.Install(root);

        // Off: `-conf` is one word of CoreDNS's, not five options in one.
        var parsed = root.Parse(args, new ParserConfiguration { EnablePosixBundling = false });
        if (parsed.Errors.Count > 0 && parsed.Action is not HelpWithExamples)
        {
            foreach (var error in parsed.Errors)
            {
                ErrorView.Write(Console.Error, error.Message);
            }

            Console.Error.WriteLine($"  try: {string.Join(' ', ["fairlead", .. CommandPath(parsed), "--help"])}");
            return ExitCode.WrongUsage;
        }

        try
        {
            return await parsed.InvokeAsync(new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = parsed.CommandResult.Command is FairleadCommand { HandlesSignals: true } ? null : s_endPatience,
            });
        }
        catch (LabException failure)
        {
            ErrorView.Write(Console.Error, failure);
            return failure.IsWrongUsage ? ExitCode.WrongUsage : ExitCode.Failed;
        }
        catch (TopologyException failure)
        {
            ErrorView.Write(Console.Error, failure);
            return failure.IsInvalid ? ExitCode.WrongUsage : ExitCode.Failed;
        }
        catch (ContainerException failure)
        {
            ErrorView.Write(Console.Error, failure.Message, failure.Remedy);
            return failure.IsWrongUsage ? ExitCode.WrongUsage : ExitCode.Failed;
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Failed;   // told to end: nothing to say
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException or KubeException)
        {
            ErrorView.Write(Console.Error, e.Message);   // the world's refusal; anything else is a fault of ours, with its stack
            return ExitCode.Failed;
        }
    }

    private static Stack<string> CommandPath(ParseResult parsed)
    {
        var names = new Stack<string>();
        for (var result = parsed.CommandResult; result is not null && result.Command is not RootCommand; result = result.Parent as System.CommandLine.Parsing.CommandResult)
        {
            names.Push(result.Command.Name);
        }

        return names;
    }
}
