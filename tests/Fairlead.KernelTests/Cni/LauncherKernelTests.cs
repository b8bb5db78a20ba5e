using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Fairlead.Cni.Launcher;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Processes;

namespace Fairlead.KernelTests.Cni;

public sealed class LauncherKernelTests : IDisposable
{
    private const NamespaceKinds Fresh = NamespaceKinds.Mount | NamespaceKinds.HostName | NamespaceKinds.Ipc | NamespaceKinds.Process;
    private readonly TestNamespaces _namespaces = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _namespaces.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_program_is_the_first_process_of_a_container_with_its_own_name_and_files()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "resolv"), "nameserver 10.96.0.10\n", _ct);
        var result = await RunAsync(Shell("echo $$; hostname; cat /etc/resolv.conf; echo $GREETING; pwd; cat /data/new/resolv") with
        {
            HostName = "wear-1",
            WorkingDirectory = "/srv/made/for/it",
            Mounts =
            [
                new PodMount { Source = Path.Combine(_folder, "resolv"), Target = "/etc/resolv.conf", ReadOnly = true },
                new PodMount { Source = _folder, Target = "/data/new" },
            ],
            Environment = Variables.Add("GREETING", "good day"),
        });

        Assert.Equal(
            "1\nwear-1\nnameserver 10.96.0.10\ngood day\n/srv/made/for/it\nnameserver 10.96.0.10\n", result.Output);
    }

    [Fact]
    public async Task What_it_writes_is_its_own_and_gone_afterwards()
    {
        var name = Path.GetFileName(_folder);

        await File.WriteAllTextAsync(Path.Combine(_folder, "kept"), "host", _ct);

        var result = await RunAsync(Shell($"echo new > /etc/{name}; cat /etc/{name}; rm {_folder}/kept; test -e {_folder}/kept || echo removed"));

        Assert.Equal("new\nremoved\n", result.Output);
        Assert.False(File.Exists($"/etc/{name}"));
        Assert.True(File.Exists(Path.Combine(_folder, "kept")));
    }

    [Fact]
    public async Task It_leaves_no_mount_behind()
    {
        await RunAsync(Shell("true") with { Mounts = [new PodMount { Source = _folder, Target = "/data" }], Root = new PodRoot { Scratch = _folder } });

        Assert.DoesNotContain(_folder, await File.ReadAllTextAsync("/proc/self/mountinfo", _ct), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder).Where(e => !e.EndsWith(".json", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task It_may_not_mount_nor_reach_the_hosts_kernel_settings_and_devices()
    {
        var result = await RunAsync(Shell(
            "mount -t tmpfs x /mnt 2>/dev/null || echo no mount; "
            + "(echo 1 > /proc/sys/kernel/hostname) 2>/dev/null || echo no setting; "
            + "(echo x > /sys/kernel/uevent_seqnum) 2>/dev/null || echo no sysfs; "
            + "mknod /tmp/disk b 253 0 && (head -c1 /tmp/disk) 2>/dev/null || echo no disk; "
            + "(mknod /dev/disk b 253 0) 2>/dev/null || echo no device; "
            + "ls /proc | grep -c '^[0-9]'"));

        Assert.Equal(["no mount", "no setting", "no sysfs", "no disk", "no device"], result.Output.Split('\n')[..5]);
        Assert.True(int.Parse(result.Output.Split('\n')[5], CultureInfo.InvariantCulture) <= 4); // itself, ls, grep: nobody else's
    }

    [Fact]
    public async Task It_has_dockers_capabilities_unless_told_otherwise()
    {
        var usual = await RunAsync(Shell("grep Cap /proc/self/status"));
        var few = await RunAsync(Shell("grep Cap /proc/self/status; grep NoNewPrivs /proc/self/status") with { Capabilities = ["NET_BIND_SERVICE"], NoNewPrivileges = true });
        var user = await RunAsync(Shell("id -u; id -g; id -G; grep CapEff /proc/self/status") with { UserId = 1234, GroupId = 1235, Groups = [7] });

        Assert.Equal(2 + 1, usual.Output.Split("00000000a80425fb").Length - 1);
        Assert.Contains("CapInh:\t0000000000000000", usual.Output, StringComparison.Ordinal);
        Assert.Equal(3, few.Output.Split("0000000000000400").Length - 1);
        Assert.Contains("NoNewPrivs:\t1", few.Output, StringComparison.Ordinal);
        Assert.Equal("1234\n1235\n1235 7\nCapEff:\t0000000000000000\n", user.Output);
    }

    [Fact]
    public async Task A_root_can_be_read_only_and_is_limited_in_size()
    {
        var fixedRoot = await RunAsync(Shell("for f in /x /tmp/x /run/x /data/x; do (echo 1 > $f) 2>/dev/null && echo $f; done; true") with
        {
            ReadOnlyRoot = true,
            Mounts = [new PodMount { Type = PodMountType.Tmpfs, Target = "/data" }],
        });
        var small = await RunAsync(Shell("head -c 3000000 /dev/zero > /big 2>/dev/null || echo full") with { Root = new PodRoot { Size = 1 << 20 } });

        Assert.Equal("/data/x\n", fixedRoot.Output);
        Assert.Equal("full\n", small.Output);
    }

    [Fact]
    public async Task What_is_hidden_appears_empty()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "secret"), "secret", _ct);

        var result = await RunAsync(Shell($"ls -A {_folder}; wc -c < /etc/hostname") with { Root = new PodRoot { Hidden = [_folder, "/etc/hostname"] } });

        Assert.Equal("0\n", result.Output);
    }

    [Fact]
    public async Task A_link_where_a_file_is_mounted_is_replaced_and_not_followed()
    {
        // /etc/mtab is a link into /proc; /etc/resolv.conf is often one into /run.
        await File.WriteAllTextAsync(Path.Combine(_folder, "file"), "mounted\n", _ct);

        var result = await RunAsync(Shell("cat /etc/mtab") with { Mounts = [new PodMount { Source = Path.Combine(_folder, "file"), Target = "/etc/mtab" }] });

        Assert.Equal("mounted\n", result.Output);
        Assert.NotNull(new FileInfo("/etc/mtab").LinkTarget);
    }

    [Fact]
    public async Task Programs_of_the_container_get_the_usual_signals()
    {
        // Were broken pipes ignored, as in the .NET runtime, `yes` would go on and complain.
        var result = await RunAsync(Shell("yes | head -n1; exit 0"));

        Assert.Equal(("y\n", ""), (result.Output, result.Error));
    }

    [Theory]
    [InlineData("sh -c exit(3)", 3, "")]
    [InlineData("no-such-program", 127, "fairlead-pod: no-such-program: not found in PATH")]
    [InlineData("/no/such/program", 127, "fairlead-pod: /no/such/program: no such program")]
    [InlineData("/etc/passwd", 126, "fairlead-pod: execute /etc/passwd: Permission denied")]
    public async Task The_exit_code_says_what_became_of_it(string command, int code, string message)
    {
        var spec = new PodLaunchSpec { Command = [.. command.Replace("exit(3)", "exit\u00a03", StringComparison.Ordinal).Split(' ').Select(w => w.Replace('\u00a0', ' '))], Environment = Variables };

        var result = await RunAsync(spec);

        Assert.Equal(code, result.Code);
        Assert.StartsWith(message, result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"command":[]}""", "the command is empty")]
    [InlineData("""{"command":["true"],"mounts":[{"source":"/nonesuch","target":"/x"}]}""", "/nonesuch is not there")]
    [InlineData("""{"command":["true"],"mounts":[{"type":"tmpfs","target":"x"}]}""", "not an absolute path")]
    [InlineData("""{"command":["true"],"root":{"scratch":"/nonesuch"}}""", "root.scratch")]
    [InlineData("""{"command":["true"],"root":{"lower":"/nonesuch"}}""", "overlayfs is refused")]
    [InlineData("""{"command":["true"],"capabilities":["FLY"]}""", "FLY")]
    [InlineData("{", "fairlead-pod: ")]
    public async Task What_cannot_be_set_up_is_said(string spec, string message)
    {
        var result = await RunAsync(Encoding.UTF8.GetBytes(spec));

        Assert.NotEqual(0, result.Code);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.StartsWith("fairlead-pod: ", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_program_can_join_a_container_with_its_rights_and_its_exit_code_comes_back()
    {
        using var output = Pipe.Create();
        using var container = ProcessHandle.Start(Options(Shell("echo ready > /marker; echo ready; exec sleep 1000") with { HostName = "wear-1", UserId = 0 })
            with { Output = output.Writer });
        output.Writer.Dispose();
        using var reader = new StreamReader(new FileStream(output.Reader, FileAccess.Read, 0));
        Assert.Equal("ready", await reader.ReadLineAsync(_ct));

        var result = await ExecAsync(container.Id, "sh", "-c", "cat /marker; hostname; cat /proc/1/comm; grep CapBnd /proc/self/status; exit 3");
        var missing = await ExecAsync(container.Id, "no-such-program");

        Assert.Equal((3, "ready\nwear-1\nsleep\nCapBnd:\t00000000a80425fb\n"), (result.Code, result.Output));
        Assert.Equal(127, missing.Code);
        container.Kill();
        await container.WaitAsync(_ct);
        Assert.Equal(LaunchException.SetupFailed, (await ExecAsync(container.Id, "true")).Code);
    }

    private static ImmutableDictionary<string, string> Variables
        => ImmutableDictionary<string, string>.Empty.Add("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");

    private static PodLaunchSpec Shell(string script) => new() { Command = ["sh", "-c", script], Environment = Variables };

    private Task<Outcome> RunAsync(PodLaunchSpec spec) => RunAsync(Options(spec));

    private Task<Outcome> RunAsync(byte[] spec) => RunAsync(Options(spec));

    private Task<Outcome> ExecAsync(int pid, params string[] command) => RunAsync(new SpawnOptions
    {
        Executable = PublishedPlugins.Executable,
        Argument0 = "fairlead-pod",
        Arguments = ["exec", "--pid", pid.ToString(CultureInfo.InvariantCulture), "--", .. command],
    });

    private SpawnOptions Options(PodLaunchSpec spec) => Options(spec.ToJson());

    private SpawnOptions Options(byte[] spec)
    {
        var path = Path.Combine(_folder, "spec.json");
        File.WriteAllBytes(path, spec);
        return new SpawnOptions
        {
            Executable = PublishedPlugins.Executable,
            Argument0 = "fairlead-pod",
            Arguments = [path],
            Network = _namespaces.New(),
            New = Fresh,
        };
    }

    private async Task<Outcome> RunAsync(SpawnOptions options)
    {
        var result = await Command.RunAsync(options, ct: _ct);
        return new Outcome(result.Status.ShellCode, Encoding.UTF8.GetString(result.Output), Encoding.UTF8.GetString(result.Error));
    }

    private sealed record Outcome(int Code, string Output, string Error);
}
