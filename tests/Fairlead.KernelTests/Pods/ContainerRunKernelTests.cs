using System.Collections.Immutable;
using Fairlead.ApiServer.Pods;
using Fairlead.Cni.Launcher;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Lab.Pods;
using Fairlead.Lab.Pods.Containers;
using Fairlead.Lab.Pods.Leftovers;
using Fairlead.Lab.Pods.Logs;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Launch;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.KernelTests.Pods;

/// <summary>Containers started by the native launcher, without an API server.</summary>
public sealed class ContainerRunKernelTests : IDisposable
{
    private readonly TestNamespaces _namespaces = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private readonly LeftoverRegistry _leftovers;
    private readonly NetworkNamespace _network;

    public ContainerRunKernelTests()
    {
        _leftovers = new LeftoverRegistry(_folder);
        _network = _namespaces.New("c");
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Output_goes_to_the_log_and_the_exit_code_comes_back()
    {
        using var run = Start("echo hello; echo trouble >&2; echo again > /dev/stdout; exit 3");

        var status = await run.Exited.WaitAsync(Ct);

        Assert.Equal(3, status.ExitCode);
        Assert.Equal(["again", "hello", "trouble"], (await ReadAsync(run.Log)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
        Assert.Empty(_leftovers.Processes());
    }

    [Fact]
    public async Task A_container_is_alone_with_its_host_name_and_its_processes()
    {
        using var run = Start("hostname; echo $$; ls -d /proc/[0-9]*; readlink /proc/self/ns/net; echo $NAME");

        _ = await run.Exited.WaitAsync(Ct);

        var lines = (await ReadAsync(run.Log)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("box", lines[0]);
        Assert.Equal("1", lines[1]);
        Assert.All(lines[2..^2], l => Assert.Matches("^/proc/[0-9]{1,2}$", l));
        Assert.Equal($"net:[{_network.Inode}]", lines[^2]);
        Assert.Equal("value", lines[^1]);
    }

    [Fact]
    public async Task A_program_that_does_not_exist_is_a_failure_to_start_and_is_named()
    {
        using var run = Start(["/no/such/program"]);

        var status = await run.Exited.WaitAsync(Ct);

        Assert.Contains("/no/such/program", LaunchFailure.Of(status, run.Log), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_ends_with_the_launchers_codes_is_none()
    {
        using var run = Start("exit 127");

        Assert.Null(LaunchFailure.Of(await run.Exited.WaitAsync(Ct), run.Log));
    }

    [Fact]
    public async Task A_command_runs_inside_a_running_container_and_is_killed_with_all_it_started()
    {
        using var run = Start("echo up; sleep 1000 & wait");
        await StartedAsync(run);

        var (status, output) = await ContainerExec.RunAsync(NativeLauncher.Path, run.Process, ["sh", "-c", "hostname; echo $NAME; exit 4"], Ct);
        using var limit = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => ContainerExec.RunAsync(NativeLauncher.Path, run.Process, ["sh", "-c", "sleep 4321 & sleep 4321"], limit.Token));

        Assert.Equal((4, "box\nvalue\n"), (status.ExitCode, output));
        var (_, processes) = await ContainerExec.RunAsync(NativeLauncher.Path, run.Process, ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"], Ct);
        Assert.DoesNotContain("4321", processes, StringComparison.Ordinal);
        _ = await run.Process.StopAsync(TimeSpan.Zero, TimeProvider.System, Ct);
    }

    [Fact]
    public async Task What_a_killed_lab_left_is_found_and_removed()
    {
        var name = TestNamespaces.NewName("left");
        _leftovers.AddNamespace(name);
        using var ns = NetworkNamespace.Create(name);
        using var noted = Start("echo up; exec sleep 1000", ns);
        using var unnoted = Start("echo up; exec sleep 1000", ns);
        await StartedAsync(noted);
        await StartedAsync(unnoted);
        _leftovers.RemoveProcess(unnoted.Process.Id, unnoted.Process.StartTime);
        _leftovers.AddProcess(Environment.ProcessId, 1); // our own number, of another start: not to be touched

        var mount = Path.Combine(_folder, "pods", "u", "volumes");
        Directory.CreateDirectory(mount);
        _leftovers.AddMount(mount);
        Mount.FileSystem("tmpfs", mount);

        var report = await PodRuntime.CleanLeftoversAsync(_folder, TimeProvider.System, Ct);

        Assert.Equal(new LeftoverReport(2, 1, 1), report);
        Assert.False(NetworkNamespace.Exists(name));
        Assert.DoesNotContain(mount, await File.ReadAllTextAsync("/proc/mounts", Ct), StringComparison.Ordinal);
        _ = await noted.Exited.WaitAsync(Ct);
        _ = await unnoted.Exited.WaitAsync(Ct);
        Assert.True((await PodRuntime.CleanLeftoversAsync(_folder, TimeProvider.System, Ct)).IsEmpty);
    }

    public void Dispose()
    {
        _namespaces.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private ContainerRun Start(string script, NetworkNamespace? network = null) => Start(["/bin/sh", "-c", script], network);

    private ContainerRun Start(ImmutableArray<string> command, NetworkNamespace? network = null)
        => ContainerRun.Start(
            new ContainerStart(
                NativeLauncher.Path,
                new PodLaunchSpec
                {
                    Command = command,
                    HostName = "box",
                    Environment = ImmutableDictionary<string, string>.Empty.Add("NAME", "value").Add("PATH", "/usr/bin:/bin"),
                },
                network ?? _network,
                NamespaceKinds.Mount | NamespaceKinds.HostName | NamespaceKinds.Ipc | NamespaceKinds.Process,
                Path.Combine(_folder, "logs", $"{Guid.NewGuid():n}.log"),
                _leftovers),
            TimeProvider.System);

    private static async Task StartedAsync(ContainerRun run)
    {
        using var reader = new StreamReader(LogReader.Open(run.Log, new PodLogOptions { Follow = true }, Ct));
        Assert.Equal("up", await reader.ReadLineAsync(Ct));
    }

    private static async Task<string> ReadAsync(ContainerLog log)
    {
        using var reader = new StreamReader(LogReader.Open(log, new PodLogOptions(), Ct));
        return await reader.ReadToEndAsync(Ct);
    }
}
