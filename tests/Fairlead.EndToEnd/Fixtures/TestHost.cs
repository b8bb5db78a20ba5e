using System.Diagnostics;
using System.Globalization;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;

namespace Fairlead.EndToEnd.Fixtures;

/// <summary>A machine of the test's own: a network namespace with nothing but loopback, and a home folder.</summary>
/// <remarks>
/// Fairlead, <c>kubectl</c> and <c>curl</c> run in it as they would on a host, so that the real host's links, routes and ports stay
/// untouched and many tests can run at once.
/// </remarks>
public sealed class TestHost : IAsyncDisposable
{
    private const string Prefix = "fairlead-t-";
    private static int s_count;

    // Once, before the first host: test classes run side by side.
    private static readonly Lazy<bool> s_swept = new(Sweep);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    public TestHost()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        _ = s_swept.Value;
        Lab = string.Create(CultureInfo.InvariantCulture, $"t{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");
        Namespace = NetworkNamespace.Create($"{Prefix}{Environment.ProcessId}-{Lab}");
        Home = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), Namespace.Name!)).FullName;
        SetVariable("HOME", Home);
        SetVariable("XDG_STATE_HOME", Path.Combine(Home, "state"));
        SetVariable("KUBECONFIG", KubeConfig(Lab));
        SetVariable("PATH", $"{Repository.Root}:{Environment.GetEnvironmentVariable("PATH")}");
        Sh("ip link set lo up").GetAwaiter().GetResult().Ok();
    }

    /// <summary>The name for this test's lab.</summary>
    public string Lab { get; }

    public NetworkNamespace Namespace { get; }

    public string Home { get; }

    public Dictionary<string, string?> Variables { get; } = new(StringComparer.Ordinal);

    public string LabFolder(string lab) => Path.Combine(Home, "state", "fairlead", lab);

    public string KubeConfig(string lab) => Path.Combine(LabFolder(lab), "kubeconfig");

    public void SetVariable(string name, string? value) => Variables[name] = value;

    /// <summary>Runs a command line of the shell on this machine, from the repository's folder, so that a document's lines run as they stand.</summary>
    public Task<Output> Sh(string commandLine, string? input = null) => RunAsync(commandLine, input, TestContext.Current.CancellationToken);

    private async Task<Output> RunAsync(string commandLine, string? input, CancellationToken ct)
    {
        using var process = Start(commandLine, input is not null);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(ct);
        patience.CancelAfter(s_patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            if (input is not null)
            {
                await process.StandardInput.WriteAsync(input.AsMemory(), patience.Token);
                process.StandardInput.Close();
            }

            await process.WaitForExitAsync(patience.Token);
            return new Output(commandLine, process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{commandLine}' did not end within {s_patience}");
        }
    }

    /// <summary>Starts a command line and leaves it running.</summary>
    public Process Start(string commandLine, bool withInput = false)
    {
        var info = new ProcessStartInfo("/bin/sh", ["-c", commandLine])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = withInput,
            WorkingDirectory = Repository.Root,
        };
        foreach (var (name, value) in Variables)
        {
            info.Environment[name] = value;
        }

        return Namespace.Run(() => Process.Start(info)!);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var lab in Directory.Exists(Path.Combine(Home, "state", "fairlead")) ? Directory.GetDirectories(Path.Combine(Home, "state", "fairlead")).Where(d => Path.GetFileName(d) != "run") : [])
        {
            (await RunAsync($"fairlead down --name {Path.GetFileName(lab)}", null, CancellationToken.None)).Ok();
        }

        Namespace.Dispose();
        NetworkNamespace.Delete(Namespace.Name!);
        Directory.Delete(Home, recursive: true);
    }

    /// <summary>Removes what a killed test run left: labs, folders and namespaces that carry the number of a process that is no more.</summary>
    private static bool Sweep()
    {
        foreach (var home in Directory.GetDirectories(Path.GetTempPath(), $"{Prefix}*").Where(d => IsOrphan(Path.GetFileName(d))))
        {
            var down = new ProcessStartInfo(Path.Combine(Repository.Root, "fairlead"), ["down", "--all"]) { RedirectStandardOutput = true, RedirectStandardError = true };
            down.Environment["XDG_STATE_HOME"] = Path.Combine(home, "state");
            using (var process = Process.Start(down)!)
            {
                process.WaitForExit(s_patience);
            }

            foreach (var mount in Mount.Under(home))
            {
                Mount.Detach(mount);
            }

            Directory.Delete(home, recursive: true);
        }

        foreach (var name in NetworkNamespace.List().Where(IsOrphan))
        {
            NetworkNamespace.Delete(name);
        }

        return true;
    }

    /// <summary>A name without a process's number is another test's that runs beside, with its pods' mounts in it.</summary>
    private static bool IsOrphan(string name)
        => name.StartsWith(Prefix, StringComparison.Ordinal)
            && int.TryParse(name[Prefix.Length..].Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var process)
            && !Directory.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{process}"));
}
