using System.CommandLine;
using Fairlead.CommandLine;
using Fairlead.Containers;
using Fairlead.Topology.Containers;
using Fairlead.Topology.Containers.Logs;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Commands;

/// <summary><c>fairlead ps</c>: the containers.</summary>
internal sealed class PsCommand : FairleadCommand
{
    private readonly Option<bool> _all = new("--all", "-a") { Description = "those that have ended too" };
    private readonly Option<string> _output = OutputFormat.Option();
    private readonly TimeProvider _time;

    public PsCommand(TimeProvider time)
        : base("ps", "Lists containers.")
    {
        _time = time;
        Options.Add(_all);
        Options.Add(_output);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead ps", "those that run"), ("fairlead ps -a -o json", "all of them, for a program")];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var containers = (await ContainerRole.Engine(_time).ListAsync(ct)).Where(c => parsed.GetValue(_all) || c.State != ContainerState.Exited).ToList();
        if (parsed.GetValue(_output) == "json")
        {
            Console.Out.WriteLine(ContainerView.ToJson(containers));
        }
        else
        {
            ContainerView.Write(People.Console(), containers, _time.GetUtcNow());
        }

        return ExitCode.Done;
    }
}

/// <summary><c>fairlead logs</c>: what a detached container has written.</summary>
internal sealed class LogsCommand : FairleadCommand
{
    private readonly Argument<string> _name = ContainerArgument.One();
    private readonly Option<bool> _follow = new("--follow", "-f") { Description = "go on until it ends" };
    private readonly Option<int?> _tail = new("--tail", "-n") { Description = "begin with so many of the last lines", HelpName = "LINES" };
    private readonly TimeProvider _time;

    public LogsCommand(TimeProvider time)
        : base("logs", "Prints what a detached container has written, each line to where it was written.")
    {
        _time = time;
        Arguments.Add(_name);
        Options.Add(_follow);
        Options.Add(_tail);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead logs web", "all that is kept: at least the last 10 MB"), ("fairlead logs -f --tail 10 web", "the last ten lines, and what follows")];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var container = await ContainerRole.Engine(_time).GetAsync(parsed.GetValue(_name)!, ct);
        if (!container.Options.Detached)
        {
            throw new ContainerException($"container '{container.Name}' wrote to where it was started from, and has no log", "fairlead run -d keeps one");
        }

        var store = new ContainerStore(ContainerRole.Surroundings(_time).StateFolder, _time);
        var follow = parsed.GetValue(_follow);
        using var output = Console.OpenStandardOutput();
        using var error = Console.OpenStandardError();
        await new ContainerLogReader(store.LogOf(container.Id), _time).CopyAsync(
            output, error, parsed.GetValue(_tail), () => follow && store.Containers().Any(c => c.Id == container.Id && c.State == ContainerState.Running), ct);
        return ExitCode.Done;
    }
}

/// <summary><c>fairlead stop</c>: ends containers.</summary>
internal sealed class StopCommand : FairleadCommand
{
    private readonly Argument<string[]> _names = ContainerArgument.Many();
    private readonly Option<int> _grace = new("--time", "-t") { Description = "seconds to wait before it is killed", HelpName = "SECONDS", DefaultValueFactory = _ => 10 };
    private readonly TimeProvider _time;

    public StopCommand(TimeProvider time)
        : base("stop", "Asks containers to end (SIGTERM), and ends them (SIGKILL) where they have not in time.")
    {
        _time = time;
        Arguments.Add(_names);
        Options.Add(_grace);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead stop web", "within ten seconds"), ("fairlead stop -t 0 web db", "at once")];

    private Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var grace = TimeSpan.FromSeconds(Math.Max(0, parsed.GetValue(_grace)));
        return ContainerArgument.EachAsync(parsed.GetValue(_names)!, name => ContainerRole.Engine(_time).StopAsync(name, grace, ct));
    }
}

/// <summary><c>fairlead rm</c>: removes containers.</summary>
internal sealed class RmCommand : FairleadCommand
{
    private readonly Argument<string[]> _names = ContainerArgument.Many();
    private readonly Option<bool> _force = new("--force", "-f") { Description = "end it first" };
    private readonly TimeProvider _time;

    public RmCommand(TimeProvider time)
        : base("rm", "Removes containers that have ended, and their logs.")
    {
        _time = time;
        Arguments.Add(_names);
        Options.Add(_force);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead rm web", "one that has ended"), ("fairlead rm -f web", "whether it runs or not")];

    private Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
        => ContainerArgument.EachAsync(parsed.GetValue(_names)!, name => ContainerRole.Engine(_time).RemoveAsync(name, parsed.GetValue(_force), ct));
}

/// <summary>The containers that a command is about.</summary>
internal static class ContainerArgument
{
    public static Argument<string> One() => new("CONTAINER") { Description = "name, id, or the beginning of an id" };

    public static Argument<string[]> Many() => new("CONTAINER") { Description = "name, id, or the beginning of an id", Arity = ArgumentArity.OneOrMore };

    /// <summary>Goes on with the others where one fails, and says so in the end.</summary>
    public static async Task<int> EachAsync(IEnumerable<string> names, Func<string, Task> act)
    {
        var code = ExitCode.Done;
        foreach (var name in names)
        {
            try
            {
                await act(name);
                Console.Out.WriteLine(name);
            }
            catch (ContainerException failure)
            {
                ErrorView.Write(Console.Error, failure.Message, failure.Remedy);
                code = ExitCode.Failed;
            }
        }

        return code;
    }
}
