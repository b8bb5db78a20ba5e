using System.Diagnostics;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Topology;

namespace Fairlead.KernelTests.Topology;

/// <summary>Processes of <c>fairlead net</c> killed at random moments of their work; whatever comes next finds its way.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Machines = 4;
    private const int KillsEach = 50;
    private const string Name = "killed";

    [Fact]
    public async Task After_a_kill_at_any_of_200_moments_apply_and_delete_end_exactly_and_leave_nothing()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root");
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}");

        var moments = await Task.WhenAll(Enumerable.Range(0, Machines).Select(i => Task.Run(() => KillAndMend(new Random(seed + i)), TestContext.Current.CancellationToken)));

        output.WriteLine($"killed while at work: {moments.Sum()} of {Machines * KillsEach}");
        Assert.True(moments.Sum() > Machines * KillsEach / 2, "most moments must fall into the work, or this test tests nothing");
    }

    /// <summary>Gives how many of the processes had not ended by themselves when they were killed.</summary>
    private static int KillAndMend(Random random)
    {
        using var machine = new Machine();
        string[] files = [Write(machine, "a", Yaml(machine, large: true)), Write(machine, "b", Yaml(machine, large: false))];
        NetworkTopology[] topologies = [.. files.Select(f => Fairlead.Topology.Yaml.TopologyFile.Parse(File.ReadAllText(f), f))];
        var bare = machine.Look();
        var expected = topologies.Select(t => Exact(machine, t)).ToArray();
        _ = machine.Delete(Name);
        var killed = 0;
        var span = TimeSpan.FromMilliseconds(60);
        for (var i = 0; i < KillsEach; i++)
        {
            // What is to be interrupted alternates, so that there is work for it: a delete of something, an apply of something else.
            string[] words = (i % 3) switch { 0 => ["apply", "-f", files[0]], 1 => ["apply", "-f", files[1]], _ => ["delete", Name] };
            if (i % 3 == 2)
            {
                machine.Apply(topologies[random.Next(2)]);
            }

            var ended = Kill(machine, words, span * random.NextDouble());
            killed += ended ? 0 : 1;

            // So that the moments are spread over the whole of the work, however fast this machine is: now and then one comes too late.
            span = TimeSpan.FromMilliseconds(Math.Clamp(span.TotalMilliseconds * (ended ? 0.7 : 1.15), 20, 2000));

            var next = random.Next(3);
            if (next == 2)
            {
                _ = machine.Delete(Name);
                Assert.Equal(bare, machine.Look());
                Assert.Empty(machine.Namespaces);
                Assert.Empty(Directory.GetFiles("/run/netns", $"{machine.SpaceOf("")}*"));
                Assert.Empty(machine.Store.Names());
            }
            else
            {
                Assert.Equal(expected[next], Exact(machine, topologies[next]));
            }
        }

        _ = machine.Delete(Name);
        Assert.Equal(bare, machine.Look());
        Assert.Equal("0", Sysctl.Read("net/ipv4/ip_forward", machine.Network));
        return killed;
    }

    private static string Exact(Machine machine, NetworkTopology topology)
    {
        machine.Apply(topology);
        Assert.Equal("", machine.Plan(topology).ToString());

        // Numbers of interfaces, and the order they were made in, are whatever they are.
        return string.Join('\n', System.Text.RegularExpressions.Regex.Replace(machine.Look(), "@if[0-9]+", "", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1))
            .Split('\n').Order(StringComparer.Ordinal));
    }

    /// <summary>Starts the program, waits until it holds the lock, which is when its work begins, and kills it a while later.</summary>
    private static bool Kill(Machine machine, string[] words, TimeSpan after)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "fairlead"), ["net", .. words]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["XDG_STATE_HOME"] = machine.Folder;
        start.Environment["DOTNET_TieredPGO"] = "0";
        using var process = machine.Network.Run(() => Process.Start(start)!);
        var spin = new SpinWait();
        while (!process.HasExited && !IsLocked(machine))
        {
            spin.SpinOnce(sleep1Threshold: 20);
        }

        var ended = process.WaitForExit(after);
        process.Kill();
        process.WaitForExit();
        return ended;
    }

    /// <summary>The program tries again a moment later where it meets us at the lock.</summary>
    private static bool IsLocked(Machine machine)
    {
        var file = Path.Combine(machine.Store.Folder, $"{Name}.lock");
        try
        {
            using var taken = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (DirectoryNotFoundException)
        {
            return false;
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static string Write(Machine machine, string name, string yaml)
    {
        var file = Path.Combine(machine.Folder, $"{name}.yaml");
        File.WriteAllText(file, yaml);
        return file;
    }

    /// <summary>Two networks of the same name that have much in common and differ in everything that can differ.</summary>
    private static string Yaml(Machine machine, bool large) => $$"""
        apiVersion: fairlead.dev/v1
        kind: Topology
        metadata: {name: {{Name}}}
        hosts:
          - name: machine
            forwarding: true
            masquerade: [{from: 10.9.0.0/24}]
            portForward: [{port: {{(large ? 80 : 81)}}, to: "10.9.0.2:80"}]
          - {name: red, namespace: {{machine.SpaceOf("red")}}, gateways: [10.9.0.1]}
          - {name: router, namespace: {{machine.SpaceOf("router")}}, forwarding: {{(large ? "true" : "false")}}}
          - {name: {{(large ? "far" : "near")}}, namespace: {{machine.SpaceOf(large ? "far" : "near")}}}
        switches:
          - {name: v-net-0, addresses: [10.9.0.1/24], mac: "02:00:00:00:00:01"}
        {{(large ? "  - {name: inner, host: router, addresses: [10.9.1.1/24]}" : "")}}
        links:
          - ends: [{host: red, interface: eth0, mac: "02:00:00:00:00:02", addresses: [10.9.0.2/24, "fd00:9::2/64"]}, {switch: v-net-0, interface: p0, mac: "02:00:00:00:00:03"}]
          - ends: [{host: router, interface: eth0, mac: "02:00:00:00:00:04", addresses: [10.9.0.3/24]}, {switch: v-net-0, interface: p1, mac: "02:00:00:00:00:05"}]
        {{(large ? "  - {mtu: 1400, ends: [{host: far, interface: eth0, addresses: [10.9.1.2/24]}, {switch: inner, interface: p0}]}" : "  - ends: [{host: near, interface: eth0, addresses: [10.9.2.2/24]}, {host: router, interface: eth1, addresses: [10.9.2.1/24]}]")}}
        """;
}
