using System.Diagnostics;
using System.Text.Json;
using Fairlead.KernelTests.Fixtures;
using Fairlead.KernelTests.Pods;
using Fairlead.Linux.Processes;
using static Fairlead.KernelTests.Topology.Containers.ContainerMachine;

namespace Fairlead.KernelTests.Topology.Containers;

/// <summary>The commands as a person types them.</summary>
public sealed class ContainerCommandTests
{
    [Fact]
    public async Task An_attached_container_reads_what_we_are_given_and_writes_where_we_write()
    {
        await using var machine = new ContainerMachine();

        var (code, output, error) = await RunAsync(machine, "run --rm -- sh -c 'cat; echo err >&2; exit 4'", input: "hello\n");

        Assert.Equal((4, "hello\n", "err\n"), (code, output, error));
    }

    [Fact]
    public async Task An_interrupt_is_passed_on_and_the_third_kills()
    {
        await using var machine = new ContainerMachine();

        using (var polite = Start(machine, "run --rm -- sh -c 'trap \"exit 9\" INT; echo ready; while :; do sleep 0.05; done'"))
        {
            Assert.Equal("ready", await polite.StandardOutput.ReadLineAsync(Ct));
            Interrupt(polite);
            await polite.WaitForExitAsync(Ct);
            Assert.Equal(9, polite.ExitCode);
        }

        using var deaf = Start(machine, "run --rm -- sh -c 'trap \"echo no\" INT; echo ready; while :; do sleep 0.05; done'");
        Assert.Equal("ready", await deaf.StandardOutput.ReadLineAsync(Ct));
        for (var i = 0; i < 2; i++)
        {
            Interrupt(deaf);
            Assert.Equal("no", await deaf.StandardOutput.ReadLineAsync(Ct));
        }

        Interrupt(deaf);
        await deaf.WaitForExitAsync(Ct);
        Assert.Equal(137, deaf.ExitCode);
        Assert.Empty(await machine.Engine.ListAsync(Ct));
    }

    [Theory]
    [InlineData("run --network nowhere -- true", 125, "there is no network 'nowhere'")]
    [InlineData("run -p 99999:80 -- true", 125, "'99999' is not a port from 1 to 65535")]
    [InlineData("run --name /x -- true", 125, "--name '/x': use 2 to 63 letters")]
    [InlineData("run", 125, "no command is given")]
    [InlineData("run --network none --ip 10.0.0.1 -- true", 125, "it has no addresses to give")]
    [InlineData("run -d -- no-such-program", 127, "no-such-program: not found in PATH")]
    [InlineData("network create --subnet 10.1.2.3/24 x1", 2, "'10.1.2.3/24' is not a range")]
    [InlineData("network rm bridge", 1, "is always there")]
    [InlineData("stop nobody", 1, "there is no container 'nobody'")]
    [InlineData("logs nobody", 1, "there is no container 'nobody'")]
    public async Task A_mistake_is_named_and_leaves_nothing(string words, int expected, string because)
    {
        await using var machine = new ContainerMachine();
        var before = machine.Left();

        var (code, _, error) = await RunAsync(machine, words);

        Assert.Contains(because, error, StringComparison.Ordinal);
        Assert.Equal(expected, code);
        await machine.Engine.RemoveAllAsync(Ct);
        Assert.Equal(before, machine.Left());
    }

    [Fact]
    public async Task A_missing_capability_is_named()
    {
        Shell.Need("setpriv");
        await using var machine = new ContainerMachine();

        var (code, _, error) = await RunAsync(machine, "run -- true", before: "setpriv --bounding-set -net_admin ");

        Assert.Equal(125, code);
        Assert.Contains("CAP_NET_ADMIN is missing", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cleanup_removes_containers_and_networks_and_says_which()
    {
        await using var machine = new ContainerMachine();
        var before = machine.Left();
        var name = machine.Name("web");
        await RunAsync(machine, "network create shop");
        await RunAsync(machine, $"run -d --name {name} --network shop -p 8080:80 -- sleep 1000");
        var (_, listed, _) = await RunAsync(machine, "ps -o json");
        using var json = JsonDocument.Parse(listed);
        Assert.Equal(name, json.RootElement[0].GetProperty("name").GetString());
        Assert.Equal("172.31.0.2", json.RootElement[0].GetProperty("addresses")[0].GetString());

        var (code, output, _) = await RunAsync(machine, "cleanup");

        Assert.Equal(0, code);
        Assert.Contains($"removed container '{name}'\nremoved network 'shop'\n", output, StringComparison.Ordinal);
        Assert.Equal(before, machine.Left());
    }

    private static void Interrupt(Process process)
    {
        using var handle = ProcessHandle.Open(process.Id)!;
        handle.Signal(Signal.Interrupt);
    }

    private static async Task<(int Code, string Output, string Error)> RunAsync(ContainerMachine machine, string words, string input = "", string before = "")
    {
        using var process = Start(machine, words, before);
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync(Ct);
        var output = await process.StandardOutput.ReadToEndAsync(Ct);
        await process.WaitForExitAsync(Ct);
        return (process.ExitCode, output, await error);
    }

    private static Process Start(ContainerMachine machine, string words, string before = "")
    {
        var info = new ProcessStartInfo("/bin/sh", ["-c", $"exec {before}{NativeLauncher.LinkBeside(AppContext.BaseDirectory)}/fairlead {words}"])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        info.Environment["XDG_STATE_HOME"] = machine.StateHome;
        return machine.Host.Run(() => Process.Start(info)!);
    }
}
