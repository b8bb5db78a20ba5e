using System.CommandLine;
using System.Runtime.InteropServices;
using Fairlead.CommandLine;
using Fairlead.Containers;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Commands;

/// <summary><c>fairlead run</c>: a program of this machine in a network stack of its own.</summary>
internal sealed class RunCommand : FairleadCommand
{
    /// <summary>As Docker: the container could not be had; 126 and 127 are the launcher's, the rest the program's own.</summary>
    private const int NotRun = 125;

    /// <summary>A program that is the first process of its namespace may not hear an interrupt at all.</summary>
    private const int InterruptsToKill = 3;

    private readonly RunOptions _options = new();
    private readonly TimeProvider _time;

    public RunCommand(TimeProvider time)
        : base("run", "Runs a program of this machine in a container: a network stack, processes and files of its own, in one of Docker's network modes.")
    {
        _time = time;
        _options.AddTo(this);
        SetAction(RunAsync);
    }

    public override bool HandlesSignals => true;

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead run --rm -- ip addr", "in the default network: on the bridge fairlead0"),
        ("fairlead run --rm --network none -- ip addr", "nothing but the loopback"),
        ("fairlead run --rm --network host -- ip addr", "the host's own network"),
        ("fairlead run -d --name web -p 8080:80 -- python3 -m http.server 80", "a server in the background; http://localhost:8080/ leads to it"),
        ("fairlead run --rm --explain -- true", "the eight steps of a container's network, beside the stock commands"),
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        try
        {
            var options = _options.Read(parsed);
            ContainerEngine.Check(options);
            if (options.Ports.Count > 0 && !NetworkNames.IsBridge(options.Network))
            {
                Console.Error.WriteLine($"note: ports are not published with --network {options.Network}");
            }

            Action<ExplainedStep>? explain = _options.Explain(parsed) ? Explain : null;
            return options.Detached ? await DetachAsync(options, explain, ct) : await AttachAsync(options, explain, ct);
        }
        catch (ContainerException failure)
        {
            ErrorView.Write(Console.Error, failure.Message, failure.Remedy);
            return NotRun;
        }
        catch (IOException failure)
        {
            ErrorView.Write(Console.Error, failure.Message);
            return NotRun;
        }
    }

    private async Task<int> AttachAsync(ContainerOptions options, Action<ExplainedStep>? explain, CancellationToken ct)
    {
        using var input = new SafeFileHandle(0, ownsHandle: false);
        using var output = new SafeFileHandle(1, ownsHandle: false);
        using var error = new SafeFileHandle(2, ownsHandle: false);
        using var starting = CancellationTokenSource.CreateLinkedTokenSource(ct);
        RunningContainer? container = null;
        var early = Signal.None;
        var interrupts = 0;
        void Pass(PosixSignalContext context, Signal signal)
        {
            context.Cancel = true;
            if (signal == Signal.Interrupt && Interlocked.Increment(ref interrupts) >= InterruptsToKill)
            {
                signal = Signal.Kill;
            }

            if (container is { } running)
            {
                running.Signal(signal);
            }
            else
            {
                // It may run already without our knowing it yet, so the signal is kept for it.
                early = signal;
                starting.Cancel();
            }
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => Pass(c, Signal.Interrupt));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => Pass(c, Signal.Terminate));
        using var quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, c => Pass(c, Signal.Quit));
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, c => Pass(c, Signal.HangUp));
        container = await ContainerRole.Engine(_time).StartAsync(options, new ContainerStreams(input, output, error), explain, starting.Token);
        if (early != Signal.None)
        {
            container.Signal(early);
        }

        return await container.Exited;
    }

    private static async Task<int> DetachAsync(ContainerOptions options, Action<ExplainedStep>? explain, CancellationToken ct)
    {
        var last = await SupervisorProcess.StartAsync(Environment.ProcessPath!, [SuperviseCommand.CommandName], options, step => explain?.Invoke(step), ct);
        if (last.Started is { } id)
        {
            Console.Out.WriteLine(id);
            return ExitCode.Done;
        }

        ErrorView.Write(Console.Error, last.Failed!, last.Remedy);
        return last.ExitCode;
    }

    private static void Explain(ExplainedStep step)
    {
        Console.Error.WriteLine($"{step.Number}. {step.What}");
        foreach (var command in step.Commands)
        {
            Console.Error.WriteLine($"     {command}");
        }
    }
}
