using System.Globalization;
using System.Text;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;

namespace Fairlead.KernelTests.Linux;

public sealed class ProcessKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("exit 0", 0, null)]
    [InlineData("exit 7", 7, null)]
    [InlineData("kill -9 $$", null, Signal.Kill)]
    [InlineData("kill -15 $$", null, Signal.Terminate)]
    public async Task The_end_of_a_child_is_known(string script, int? code, Signal? signal)
    {
        using var process = ProcessHandle.Start(Sh(script));

        Assert.Equal(new ExitStatus(code, signal), await process.WaitAsync(Ct));
        Assert.False(process.IsAlive);
        Assert.False(process.Signal(Signal.Terminate));
    }

    [Fact]
    public async Task Many_children_at_once_each_give_their_own_code()
    {
        var codes = await Task.WhenAll(Enumerable.Range(0, 60).Select(async i =>
        {
            using var process = ProcessHandle.Start(Sh($"exit {i}"));
            return (await process.WaitAsync(Ct)).ExitCode;
        }));

        Assert.Equal(Enumerable.Range(0, 60).Select(i => (int?)i), codes);
    }

    [Fact]
    public async Task Children_one_after_the_other_write_to_the_end_of_a_file()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("fairlead-t-").FullName, "log");
        foreach (var word in (string[])["one", "two"])
        {
            using var log = AppendFile.Open(path);
            using var process = ProcessHandle.Start(Sh($"echo {word}; echo {word} >&2") with { Output = log, Error = log });
            await process.WaitAsync(Ct);
        }

        Assert.Equal("one\none\ntwo\ntwo\n", await File.ReadAllTextAsync(path, Ct));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
    }

    [Fact]
    public async Task Exit_codes_hold_beside_dotnets_own_children()
    {
        var ours = Enumerable.Range(0, 30).Select(i => ProcessHandle.Start(Sh($"exit {i}"))).ToList();
        var theirs = Enumerable.Range(0, 10).Select(i => System.Diagnostics.Process.Start("/bin/sh", ["-c", $"exit {i}"])).ToList();

        for (var i = 0; i < ours.Count; i++)
        {
            Assert.Equal(i, (await ours[i].WaitAsync(Ct)).ExitCode);
            ours[i].Dispose();
        }

        for (var i = 0; i < theirs.Count; i++)
        {
            await theirs[i].WaitForExitAsync(Ct);
            Assert.Equal(i, theirs[i].ExitCode);
            theirs[i].Dispose();
        }
    }

    [Fact]
    public async Task A_child_gets_arguments_environment_folder_and_input_and_nothing_else()
    {
        using var ours = File.OpenRead("/etc/passwd");
        var result = await Command.RunAsync(
            Sh("") with
            {
                Arguments = ["-c", "echo \"$0|$1|$A|$(pwd)|$(cat)\"; ls /proc/self/fd | tr '\\n' ' '; echo; grep -hE 'SigBlk|SigIgn' /proc/self/status; echo err >&2", "zero", "one two"],
                Environment = new Dictionary<string, string> { ["A"] = "ä b", ["PATH"] = "/bin:/usr/bin" },
                WorkingDirectory = "/usr",
            },
            "input"u8.ToArray(),
            Ct);

        Assert.True(result.Status.Succeeded, result.Status + Encoding.UTF8.GetString(result.Error));

        // ls itself has the folder open as 3. Signals 32 and 33 are libc's own, which it keeps from the child.
        Assert.Equal("zero|one two|ä b|/usr|input\n0 1 2 3 \nSigBlk:\t0000000000000000\nSigIgn:\t0000000180000000\n", Encoding.UTF8.GetString(result.Output));
        Assert.Equal("err\n", Encoding.UTF8.GetString(result.Error));
    }

    [Fact]
    public async Task Further_descriptors_are_numbered_from_three()
    {
        using var pipe = Pipe.Create();
        using var process = ProcessHandle.Start(Sh("echo three >&3; ls /proc/self/fd | wc -l >&3") with { Inherit = [pipe.Writer] });
        pipe.Writer.Dispose();
        using var reader = new StreamReader(new FileStream(pipe.Reader, FileAccess.Read));

        Assert.Equal("three\n5\n", await reader.ReadToEndAsync(Ct));
        _ = await process.WaitAsync(Ct);
    }

    [Fact]
    public void A_missing_executable_or_folder_is_said_at_once()
    {
        var missing = Assert.Throws<LinuxException>(() => ProcessHandle.Start(new() { Executable = "/no/such/program" }));
        Assert.True(missing.IsNotFound);
        Assert.Contains("/no/such/program", missing.Message, StringComparison.Ordinal);
        Assert.True(Assert.Throws<LinuxException>(() => ProcessHandle.Start(Sh("true") with { WorkingDirectory = "/no/such" })).IsNotFound);
        Assert.Equal(Errno.Access, Assert.Throws<LinuxException>(() => ProcessHandle.Start(new() { Executable = "/etc/passwd" })).Errno);
    }

    [Fact]
    public async Task A_child_starts_in_the_namespaces_asked_for()
    {
        var network = namespaces.New();
        var host = await NamespacesOf(Sh(""));
        var inside = await NamespacesOf(Sh("") with
        {
            Network = network,
            New = NamespaceKinds.Mount | NamespaceKinds.HostName | NamespaceKinds.Ipc | NamespaceKinds.Process,
        });

        Assert.Equal($"net:[{network.Inode}]", inside[0]);
        Assert.All(host.Zip(inside), p => Assert.NotEqual(p.First, p.Second));
        Assert.Equal(host, await NamespacesOf(Sh("")));

        static async Task<string[]> NamespacesOf(SpawnOptions options)
        {
            var result = await Command.RunAsync(
                options with { Arguments = ["-c", "mount -t proc proc /proc 2>/dev/null; for n in net mnt uts ipc pid; do readlink /proc/self/ns/$n; done"] }, ct: Ct);
            return Encoding.UTF8.GetString(result.Output).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
    }

    [Fact]
    public async Task Preparation_happens_in_the_new_mount_namespace_and_is_not_seen_outside()
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-t-");
        try
        {
            var result = await Command.RunAsync(
                Sh($"cat {folder.FullName}/inside") with
                {
                    New = NamespaceKinds.Mount,
                    Prepare = () =>
                    {
                        Mount.FileSystem("tmpfs", folder.FullName, "size=64k");
                        File.WriteAllText($"{folder.FullName}/inside", "seen");
                    },
                },
                ct: Ct);

            Assert.Equal("seen", Encoding.UTF8.GetString(result.Output));
            Assert.Empty(folder.GetFileSystemInfos());
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_command_enters_the_namespaces_of_a_running_process()
    {
        var network = namespaces.New();
        using var pod = ProcessHandle.Start(new()
        {
            Executable = "/bin/sleep",
            Arguments = ["1000"],
            Network = network,
            New = NamespaceKinds.Mount | NamespaceKinds.HostName | NamespaceKinds.Process | NamespaceKinds.Ipc,
            Prepare = () => Mount.FileSystem("tmpfs", "/mnt"),
        });
        try
        {
            var result = await Command.RunAsync(Sh("mount | grep -c ' /mnt tmpfs\\| /mnt type tmpfs'; readlink /proc/self/ns/net || true; echo $$") with { Join = pod }, ct: Ct);
            var lines = Encoding.UTF8.GetString(result.Output).Split('\n');

            // A process of the same process namespace: the second or so in it, though /proc is not its own.
            Assert.Equal("1", lines[0]);
            Assert.InRange(int.Parse(lines[^2], CultureInfo.InvariantCulture), 2, 20);
        }
        finally
        {
            Assert.True(pod.Kill());
            Assert.Equal(Signal.Kill, (await pod.WaitAsync(Ct)).TermSignal);
        }
    }

    [Fact]
    public async Task A_process_is_found_again_by_number_and_start_time_only_together()
    {
        using var process = ProcessHandle.Start(new() { Executable = "/bin/sleep", Arguments = ["1000"] });

        using (var again = ProcessHandle.Open(process.Id, process.StartTime))
        {
            Assert.NotNull(again);
            Assert.Null(ProcessHandle.Open(process.Id, process.StartTime + 1));
            Assert.True(again.Kill());
            Assert.Equal(Signal.Kill, (await process.WaitAsync(Ct)).TermSignal);

            // The same child by two handles: the exit is told to both, how it ended to one.
            _ = await again.WaitAsync(Ct);
        }

        Assert.Null(ProcessHandle.Open(process.Id, process.StartTime));
        Assert.Null(ProcessHandle.Open(-1));
    }

    [Fact]
    public async Task Stopping_asks_first_and_kills_after_the_grace()
    {
        using var polite = ProcessHandle.Start(Sh("trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"));
        using var pipe = Pipe.Create();
        using var deaf = ProcessHandle.Start(Sh("trap '' TERM; echo ready; while :; do sleep 0.05; done") with { Output = pipe.Writer });
        Assert.Equal(6, await new FileStream(pipe.Reader, FileAccess.Read, 0).ReadAsync(new byte[6], Ct));

        Assert.Equal(Signal.Kill, (await deaf.StopAsync(TimeSpan.FromMilliseconds(200), TimeProvider.System, Ct)).TermSignal);
        Assert.True((await polite.StopAsync(TimeSpan.FromSeconds(10), TimeProvider.System, Ct)) is { ExitCode: 3 } or { TermSignal: Signal.Terminate });
    }

    [Fact]
    public async Task An_ended_child_is_reaped_though_nobody_awaits_it()
    {
        var process = ProcessHandle.Start(Sh("exit 0"));
        var id = process.Id;
        var exited = process.WaitAsync(Ct);
        process.Dispose();
        _ = await exited;

        Assert.False(Directory.Exists($"/proc/{id}") && File.ReadAllText($"/proc/{id}/stat").Contains(") Z ", StringComparison.Ordinal));
    }

    private static SpawnOptions Sh(string script) => new() { Executable = "/bin/sh", Arguments = ["-c", script] };
}
