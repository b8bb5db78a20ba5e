using System.Diagnostics;
using Fairlead.KernelTests.Pods;
using Fairlead.Linux.Namespaces;
using Fairlead.Topology.Containers;
using Fairlead.Topology.Containers.State;
using static Fairlead.KernelTests.Topology.Containers.ContainerMachine;

namespace Fairlead.KernelTests.Topology.Containers;

/// <summary>Processes of <c>fairlead run</c>, <c>network</c> and <c>rm</c> killed at random moments; the next command heals what they left.</summary>
public sealed class ContainerKillTests(ITestOutputHelper output)
{
    private const int Machines = 2;
    private const int KillsEach = 50;

    [Fact]
    public async Task After_a_kill_at_any_moment_the_next_command_finds_nothing_that_has_nobody()
    {
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");

        var moments = await Task.WhenAll(Enumerable.Range(0, Machines).Select(i => KillAndMendAsync(new Random(seed + i))));

        output.WriteLine($"killed while at work: {moments.Sum()} of {Machines * KillsEach}");
        Assert.True(moments.Sum() > Machines * KillsEach / 2, "most moments must fall into the work, or this test tests nothing");
    }

    [Fact]
    public async Task A_container_whose_supervisor_was_killed_ends_with_the_next_command_and_its_port_is_free()
    {
        await using var machine = new ContainerMachine();
        var name = machine.Name("web");
        await RunAsync(machine, "run", "-d", "--name", name, "-p", "8080:80", "--", "sleep", "1000");
        var running = Assert.Single(await machine.Engine.ListAsync(Ct));
        Assert.Equal(ContainerState.Running, running.State);

        Process.GetProcessById(running.Supervisor.Id).Kill();
        await GoneAsync(running.Supervisor);
        var ended = Assert.Single(await machine.Engine.ListAsync(Ct));

        Assert.Equal((ContainerState.Exited, 255), (ended.State, ended.ExitCode));
        Assert.True(IsGone(running.Process!.Id));
        Assert.False(NetworkNamespace.Exists($"fairlead.run.{name}"));
        Assert.DoesNotContain("veth", machine.Left(), StringComparison.Ordinal);
        var two = await machine.SleepAsync("two", NetworkNames.Bridge, "8080:80");
        Assert.Equal("172.30.0.2", AddressOf(two).ToString());
    }

    /// <summary>Gives how many of the processes had not ended by themselves when they were killed.</summary>
    private static async Task<int> KillAndMendAsync(Random random)
    {
        await using var machine = new ContainerMachine();
        var before = machine.Left();
        var killed = 0;
        var span = TimeSpan.FromMilliseconds(60);
        for (var i = 0; i < KillsEach; i++)
        {
            var name = machine.Name("c");
            string[] words = (i % 5) switch
            {
                0 => ["run", "--name", name, "-p", "8080:80", "--", "sleep", "1000"],
                1 => ["network", "create", "--ipv6", "shop"],
                2 => ["run", "--rm", "--name", name, "--network", "shop", "--", "true"],
                3 => ["network", "rm", "shop"],
                _ => ["rm", "-f", name],
            };
            RunningContainer? removed = null;
            if (i % 5 is 2 or 3 && machine.Networks.List().All(n => n.Name != "shop"))
            {
                await machine.Networks.CreateAsync(new NetworkOptions("shop"), Ct);
            }
            else if (i % 5 == 4)
            {
                removed = await machine.SleepAsync("c");
            }

            using (var process = Start(machine, words))
            {
                // Its work begins when it holds the lock.
                var spin = new SpinWait();
                while (!process.HasExited && !IsLocked(machine))
                {
                    spin.SpinOnce(sleep1Threshold: 20);
                }

                var ended = process.WaitForExit(span * random.NextDouble());
                process.Kill();
                await process.WaitForExitAsync(Ct);
                killed += ended ? 0 : 1;
                span = TimeSpan.FromMilliseconds(Math.Clamp(span.TotalMilliseconds * (ended ? 0.7 : 1.15), 20, 1000));
            }

            // Its supervisor is this process, which lives: what the killed command began goes on to its end or not at all.
            if (removed is not null)
            {
                await machine.Engine.StopAsync(removed.Record.Id, TimeSpan.Zero, Ct);
                await removed.Exited;
            }

            var containers = await machine.Engine.ListAsync(Ct);
            Assert.All(containers, c => Assert.Equal(ContainerState.Exited, c.State));
            Assert.DoesNotContain("veth", machine.Left(), StringComparison.Ordinal);
            Assert.DoesNotContain("fairlead.run.", machine.Left(), StringComparison.Ordinal);
            foreach (var container in containers)
            {
                await machine.Engine.RemoveAsync(container.Id, force: false, Ct);
            }

            if (random.Next(3) == 0)
            {
                foreach (var network in machine.Networks.List())
                {
                    await machine.Networks.RemoveAsync(network.Name, Ct);
                }

                Assert.Equal(before, machine.Left());
            }
        }

        await machine.Engine.RemoveAllAsync(Ct);
        Assert.Equal(before, machine.Left());
        return killed;
    }

    private static async Task RunAsync(ContainerMachine machine, params string[] words)
    {
        using var process = Start(machine, words);
        await process.WaitForExitAsync(Ct);
        Assert.Equal(0, process.ExitCode);
    }

    private static Process Start(ContainerMachine machine, string[] words)
    {
        var info = new ProcessStartInfo(Path.Combine(NativeLauncher.LinkBeside(AppContext.BaseDirectory), "fairlead"), words)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        info.Environment["XDG_STATE_HOME"] = machine.StateHome;
        return machine.Host.Run(() => Process.Start(info)!);
    }

    /// <summary>The program tries again a moment later where it meets us at the lock.</summary>
    private static bool IsLocked(ContainerMachine machine)
    {
        try
        {
            using var taken = new FileStream(Path.Combine(machine.Surroundings.StateFolder, "lock"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (IOException e)
        {
            return e is not (FileNotFoundException or DirectoryNotFoundException);
        }
    }

    /// <summary>The first thread of a killed process is a zombie before the others have ended, and until then the process lives.</summary>
    private static async Task GoneAsync(ProcessRecord process)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        while (process.IsAlive())
        {
            await timer.WaitForNextTickAsync(Ct);
        }
    }

    /// <summary>Who inherits an orphan may let it wait as a zombie.</summary>
    private static bool IsGone(int process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return true;
        }
    }
}
