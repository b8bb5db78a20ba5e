using System.CommandLine;
using Fairlead.Containers;
using Fairlead.Topology.Containers;

namespace Fairlead.Commands;

/// <summary>The process that stays with a detached container; <c>fairlead run -d</c> starts it.</summary>
internal sealed class SuperviseCommand : Command
{
    public const string CommandName = "container-supervisor";

    private const int NotRun = 125;
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;

    public SuperviseCommand(TimeProvider time)
        : base(CommandName, "Stays with a detached container.")
    {
        _time = time;
        Hidden = true;
        SetAction((_, ct) => RunAsync(ct));
    }

    private async Task<int> RunAsync(CancellationToken ct)
    {
        RunningContainer container;
        try
        {
            var options = SupervisorProcess.ReadOptions(Console.OpenStandardInput());
            container = await ContainerRole.Engine(_time).StartAsync(options, null, step => Tell(new SupervisorMessage(step)), ct);
            if (await container.LaunchedAsync() is { } refusal)
            {
                Tell(new SupervisorMessage(Failed: refusal, ExitCode: await container.Exited));
                return NotRun;
            }
        }
        catch (ContainerException failure)
        {
            Tell(new SupervisorMessage(Failed: failure.Message, Remedy: failure.Remedy, ExitCode: NotRun));
            return NotRun;
        }
        catch (IOException failure)
        {
            Tell(new SupervisorMessage(Failed: failure.Message, ExitCode: NotRun));
            return NotRun;
        }

        Tell(new SupervisorMessage(Started: container.Record.Id));
        using var ending = ct.Register(() => container.StopAsync(s_grace));
        await container.Exited;
        return 0;
    }

    private static void Tell(SupervisorMessage message)
    {
        try
        {
            Console.Out.WriteLine(message.ToLine());
        }
        catch (IOException)
        {
            // Whoever waited is gone; the container stays.
        }
    }
}
