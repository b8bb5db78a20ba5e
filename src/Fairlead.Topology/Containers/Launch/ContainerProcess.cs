using System.Runtime.InteropServices;
using Fairlead.Cni.Launcher;
using Fairlead.Cni.Runtime;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.Topology.Containers.Launch;

/// <summary>Where a container's first process is started, and what it is connected to.</summary>
/// <param name="Launcher">The path of <c>fairlead-cni</c>, or of a link to it.</param>
/// <param name="Network">The network stack that it has.</param>
/// <param name="New">The kinds of namespaces to make for it.</param>
/// <param name="Input">What it reads; nothing where null.</param>
/// <param name="Output">Where it writes.</param>
/// <param name="Error">Where it writes errors.</param>
public sealed record ContainerPlace(
    string Launcher, NetworkNamespace? Network, NamespaceKinds New, SafeHandle? Input, SafeHandle Output, SafeHandle Error);

/// <summary>The first process of a container: the launcher, until it has become the program.</summary>
public sealed class ContainerProcess
{
    private ContainerProcess(ProcessHandle process, Task launched) => (Process, Launched) = (process, launched);

    /// <summary>The process.</summary>
    public ProcessHandle Process { get; }

    /// <summary>Completes when the launcher has become the program, or has ended because it could not.</summary>
    /// <remarks>Before that the process is still at home in the host's files: nothing may be run beside it.</remarks>
    public Task Launched { get; }

    /// <summary>Starts the launcher, has the process noted, and only then tells it what to become.</summary>
    /// <remarks>If we are killed before the process is noted, the launcher reads the end of an empty pipe and ends too.</remarks>
    public static ContainerProcess Start(ContainerPlace place, PodLaunchSpec spec, Action<ProcessHandle> note)
    {
        ArgumentNullException.ThrowIfNull(place);
        ArgumentNullException.ThrowIfNull(spec);
        ArgumentNullException.ThrowIfNull(note);
        using var orders = Pipe.Create();
        using var launched = new OutputPipe();
        var process = ProcessHandle.Start(new SpawnOptions
        {
            Executable = place.Launcher,
            Argument0 = CniInstall.LauncherName,
            Arguments = ["--fd", "3"],
            Environment = new Dictionary<string, string>(StringComparer.Ordinal),
            WorkingDirectory = "/",
            Input = place.Input,
            Output = place.Output,
            Error = place.Error,
            Inherit = [orders.Reader, launched.Writer],
            Network = place.Network,
            New = place.New,
        });
        orders.Reader.Dispose();
        launched.Writer.Dispose();
        note(process);
        try
        {
            using var stream = new FileStream(orders.Writer, FileAccess.Write, bufferSize: 0);
            stream.Write(spec.ToJson());
        }
        catch (IOException)
        {
            // It has ended already; how, its exit tells.
        }

        return new ContainerProcess(process, UntilClosedAsync(launched.TakeReader()));
    }

    /// <summary>The launcher never writes to it: execve closes it, and so does the end.</summary>
    private static async Task UntilClosedAsync(Stream stream)
    {
        await using (stream)
        {
            _ = await stream.ReadAsync(new byte[1]);
        }
    }
}
