using System.Globalization;
using System.Text;
using Fairlead.Lab.Pods.Probes;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>Runs a command in a container that runs already: exec probes and hooks.</summary>
internal static class ContainerExec
{
    private const int LongestOutput = 10 * 1024;

    /// <summary>Runs the command to its end; a cancellation kills it with all that it started.</summary>
    public static async Task<(ExitStatus Status, string Output)> RunAsync(string launcher, ProcessHandle container, IEnumerable<string> command, CancellationToken ct)
    {
        using var output = new OutputPipe();
        using var process = ProcessHandle.Start(new SpawnOptions
        {
            Executable = launcher,
            Argument0 = Fairlead.Cni.Runtime.CniInstall.LauncherName,
            Arguments = ["exec", "--pid", container.Id.ToString(CultureInfo.InvariantCulture), "--", .. command],
            Environment = new Dictionary<string, string>(StringComparer.Ordinal),
            Output = output.Writer,
            Error = output.Writer,
        });
        output.Writer.Dispose();

        // The launcher leads a session and so a group, which its children keep in the container's process namespace too.
        await using var killing = ct.Register(() => Libc.KillGroup(process.Id));
        var text = await ReadAsync(output.Reader, ct);
        var status = await process.WaitAsync(ct);
        return (status, text);
    }

    public static ProbeCheck Check(string launcher, ProcessHandle container, IReadOnlyList<string> command)
        => async ct =>
        {
            var (status, output) = await RunAsync(launcher, container, command, ct);
            return new ProbeResult(status.Succeeded, NetworkChecks.Shorten(output));
        };

    private static async Task<string> ReadAsync(Stream stream, CancellationToken ct)
    {
        var buffer = new byte[1024];
        using var kept = new MemoryStream();
        int read;
        while ((read = await stream.ReadAsync(buffer, ct)) > 0)
        {
            kept.Write(buffer, 0, (int)Math.Min(read, LongestOutput - kept.Length));
        }

        return Encoding.UTF8.GetString(kept.ToArray());
    }
}
