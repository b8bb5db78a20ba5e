using System.Text;
using Fairlead.Topology.Containers;
using Fairlead.Topology.Containers.Logs;
using Fairlead.Topology.Containers.State;
using static Fairlead.KernelTests.Topology.Containers.ContainerMachine;

namespace Fairlead.KernelTests.Topology.Containers;

/// <summary>How containers begin, what they leave, and how they end.</summary>
public sealed class ContainerLifeTests
{
    [Theory]
    [InlineData(0, "true")]
    [InlineData(7, "sh", "-c", "exit 7")]
    [InlineData(127, "no-such-program")]
    [InlineData(126, "/etc/passwd")]
    [InlineData(137, "sh", "-c", "kill -9 $$; sh -c 'kill -9 1'; exit 137")]
    public async Task The_exit_code_is_the_commands(int expected, params string[] command)
    {
        await using var machine = new ContainerMachine();

        var (code, _) = await machine.RunAsync(machine.Options("one", command));

        Assert.Equal(expected, code);
        Assert.Empty(await machine.Engine.ListAsync(Ct));
    }

    [Fact]
    public async Task A_detached_container_keeps_what_it_wrote_each_line_for_its_stream()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.StartAsync(machine.Options("one", "sh", "-c", "echo out1; echo err1 >&2; echo out2; exit 3"));

        Assert.Equal(3, await one.Exited);
        var record = Assert.Single(await machine.Engine.ListAsync(Ct));
        Assert.Equal((ContainerState.Exited, 3), (record.State, record.ExitCode));
        Assert.Equal(("out1\nout2\n", "err1\n"), await LogsAsync(machine, record));
        var (output, error) = await LogsAsync(machine, record, tail: 1);
        Assert.Single(output + error, '\n');
        await machine.Engine.RemoveAsync(record.Id[..6], force: false, Ct);
        Assert.Empty(await machine.Engine.ListAsync(Ct));
    }

    [Fact]
    public async Task A_log_is_followed_until_the_end()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.StartAsync(machine.Options("one", "sh", "-c", "trap 'echo b; exit' TERM; echo a; while :; do sleep 0.05; done"));
        await ReadyAsync(machine, one);
        var follow = LogsAsync(machine, one.Record, goOn: () => !one.Exited.IsCompleted);

        Assert.False(follow.IsCompleted);
        await machine.Engine.StopAsync(one.Record.Id, TimeSpan.FromSeconds(30), Ct);
        Assert.Equal("a\nb\n", (await follow).Output);
    }

    [Fact]
    public async Task Variables_host_name_and_names_are_as_asked()
    {
        await using var machine = new ContainerMachine();

        var (_, output) = await machine.RunAsync(machine.Options("one", "sh", "-c", "echo $COLOUR $HOSTNAME; hostname; grep web /etc/hosts; cat /etc/resolv.conf") with
        {
            HostName = "web", Environment = new Dictionary<string, string> { ["COLOUR"] = "blue" }, Dns = ["192.0.2.1"],
        });

        Assert.Equal("blue web\nweb\n172.30.0.2\tweb\nsearch example.org\nnameserver 192.0.2.1\n", output);
    }

    [Fact]
    public async Task Stop_asks_first_and_ends_what_does_not_listen()
    {
        await using var machine = new ContainerMachine();
        var polite = await machine.StartAsync(machine.Options("polite", "sh", "-c", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.05; done"));
        var deaf = await machine.SleepAsync("deaf");
        await ReadyAsync(machine, polite);

        await machine.Engine.StopAsync(polite.Record.Name, TimeSpan.FromSeconds(30), Ct);
        await machine.Engine.StopAsync(deaf.Record.Name, TimeSpan.FromMilliseconds(100), Ct);

        Assert.Equal(5, await polite.Exited);
        Assert.Equal(137, await deaf.Exited);
        Assert.False(await machine.Engine.StopAsync(deaf.Record.Name, TimeSpan.Zero, Ct));
    }

    [Fact]
    public async Task A_name_is_had_once_and_a_running_container_is_not_removed_by_chance()
    {
        await using var machine = new ContainerMachine();
        var one = await machine.SleepAsync("one");

        Assert.Contains("there is a container", (await Assert.ThrowsAsync<ContainerException>(() => machine.SleepAsync("one"))).Message, StringComparison.Ordinal);
        Assert.Contains("is running", (await Assert.ThrowsAsync<ContainerException>(() => machine.Engine.RemoveAsync(one.Record.Name, force: false, Ct))).Message, StringComparison.Ordinal);
        Assert.Contains("there is no container", (await Assert.ThrowsAsync<ContainerException>(() => machine.Engine.GetAsync("nobody", Ct))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_state_is_its_owners_alone_and_no_container_sees_it()
    {
        await using var machine = new ContainerMachine();

        var (_, output) = await machine.RunAsync(machine.Options("one", "ls", machine.Surroundings.StateFolder));

        Assert.DoesNotContain("containers", output, StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(machine.Surroundings.StateFolder));
    }

    [Fact]
    public async Task The_eight_steps_are_told_in_order_as_they_are_taken()
    {
        await using var machine = new ContainerMachine();
        var steps = new List<ExplainedStep>();

        var one = await machine.Engine.StartAsync(machine.Options("one", "true") with { Ports = PublishedPort.Parse("8080:80") }, null, steps.Add, Ct);
        await one.Exited;

        Assert.Equal(Enumerable.Range(1, 8), steps.Select(s => s.Number));
        Assert.Contains($"ip netns add fairlead.run.{one.Record.Name}", steps[0].Commands);
        Assert.Contains("ip link add fairlead0 type bridge", steps[1].Commands);
        Assert.Contains("iptables -t nat -A POSTROUTING -s 172.30.0.0/16 ! -o fairlead0 -j MASQUERADE", steps[7].Commands);
        Assert.Contains("iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 172.30.0.2:80", steps[7].Commands);
    }

    private static async Task ReadyAsync(ContainerMachine machine, RunningContainer container)
    {
        var store = new ContainerStore(machine.Surroundings.StateFolder, TimeProvider.System);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (await timer.WaitForNextTickAsync(Ct) && new FileInfo(store.LogOf(container.Record.Id)).Length == 0)
        {
            // Its first line says that the trap is set.
        }
    }

    private static async Task<(string Output, string Error)> LogsAsync(ContainerMachine machine, ContainerRecord record, int? tail = null, Func<bool>? goOn = null)
    {
        using var output = new MemoryStream();
        using var error = new MemoryStream();
        var store = new ContainerStore(machine.Surroundings.StateFolder, TimeProvider.System);
        await new ContainerLogReader(store.LogOf(record.Id), TimeProvider.System).CopyAsync(output, error, tail, goOn ?? (() => false), Ct);
        return (Encoding.UTF8.GetString(output.ToArray()), Encoding.UTF8.GetString(error.ToArray()));
    }
}
