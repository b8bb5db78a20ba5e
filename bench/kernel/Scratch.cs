using System.Diagnostics;
using System.Globalization;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Bench.Kernel;

/// <summary>A network namespace for one measurement, gone with it, and programs started in it.</summary>
internal sealed class Scratch : IDisposable
{
    private static int s_count;

    internal Scratch()
        => Network = NetworkNamespace.Create(string.Create(CultureInfo.InvariantCulture, $"fairlead-bench-{Environment.ProcessId}-{++s_count}"));

    internal NetworkNamespace Network { get; }

    /// <summary>Milliseconds that a program takes from its start to its end.</summary>
    internal double Time(string program, params string[] arguments) => Network.Run(() =>
    {
        // The same way in for both sides: the process starts in the namespace of the thread that starts it.
        var watch = Stopwatch.StartNew();
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { UseShellExecute = false })!;
        process.WaitForExit();
        watch.Stop();
        return process.ExitCode == 0 ? watch.Elapsed.TotalMilliseconds : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit code {process.ExitCode}");
    });

    internal static double Time(Action work)
    {
        var watch = Stopwatch.StartNew();
        work();
        return watch.Elapsed.TotalMilliseconds;
    }

    public void Dispose()
    {
        Network.Dispose();
        _ = NetworkNamespace.Delete(Network.Name!);
    }
}
