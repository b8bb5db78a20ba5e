using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Fairlead.KernelTests.Fixtures;

namespace Fairlead.KernelTests.Topology;

/// <summary><c>fairlead net</c> as a person or a program runs it: what it says, and how it ends.</summary>
public sealed class CommandTests : IDisposable
{
    private readonly Machine _machine = new();

    [Fact]
    public async Task Diff_ends_as_kubectl_diff_does()
    {
        var file = File("switch");

        Assert.Equal(1, (await RunAsync("net", "diff", "-f", file)).Code);
        Assert.Equal(0, (await RunAsync("net", "apply", "-f", file)).Code);
        var same = await RunAsync("net", "diff", "-f", file);
        Assert.Equal((0, ""), (same.Code, same.Output));
        Assert.Equal(2, (await RunAsync("net", "diff", "-f", "/no/such/file")).Code);
    }

    [Fact]
    public async Task A_wrong_file_is_wrong_usage_and_every_fault_is_told()
    {
        var file = Path.Combine(_machine.Folder, "wrong.yaml");
        await System.IO.File.WriteAllTextAsync(file, "apiVersion: fairlead.dev/v1\nkind: Topology\nmetadata: {name: x}\nhosts: [{name: a, gateways: [10.0.0.1]}]\nswitches: [{name: much-too-long-a-name}]\n", TestContext.Current.CancellationToken);

        var (code, output, error) = await RunAsync("net", "apply", "-f", file);

        Assert.Equal((2, ""), (code, output));
        Assert.Equal(
            $"error: {file}:4:30: hosts[0].gateways[0]: 10.0.0.1 is in no network of a; name an address in a network that one of its interfaces is in\n"
            + $"error: {file}:5:19: switches[0].name: 'much-too-long-a-name' has 20 characters, and an interface's name at most 15; write 1 to 15 characters without blanks, '/' or ':'\n",
            error);
    }

    [Fact]
    public async Task A_dry_run_changes_nothing_and_steps_are_for_programs_too()
    {
        var file = File("gateway");
        var before = _machine.Look();

        var (code, output, _) = await RunAsync("net", "apply", "-f", file, "--dry-run", "-o", "json");

        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        Assert.True(json.RootElement.GetProperty("changes").GetBoolean());
        Assert.Contains(json.RootElement.GetProperty("steps").EnumerateArray(), s => s.GetProperty("action").GetString() == "add" && s.GetProperty("what").GetString() == "machine: masquerade from 192.168.15.0/24");
        Assert.Equal(before, _machine.Look());
        Assert.Empty(_machine.Namespaces);
    }

    [Theory]
    [InlineData("-net_admin", "CAP_NET_ADMIN (interfaces, addresses, routes and rules)")]
    [InlineData("-sys_admin", "CAP_SYS_ADMIN (namespaces)")]
    public async Task What_is_not_allowed_is_told_by_the_capability(string dropped, string expected)
    {
        Shell.Need("setpriv");

        var (code, _, error) = await StartAsync(["setpriv", "--bounding-set", dropped, "--inh-caps", dropped, Program, "net", "apply", "-f", File("switch")]);

        Assert.Equal(1, code);
        Assert.Contains($"needs the capability {expected}", error, StringComparison.Ordinal);
        Assert.Empty(_machine.Namespaces);
    }

    [Fact]
    public async Task Of_two_at_once_one_makes_it_and_the_other_finds_it_made()
    {
        var file = File("bridge-host");

        var both = await Task.WhenAll(RunAsync("net", "apply", "-f", file), RunAsync("net", "apply", "-f", file));

        Assert.All(both, r => Assert.Equal((0, ""), (r.Code, r.Error)));
        Assert.Single(both, r => r.Output == "nothing to change\n");
        Assert.Single(both, r => r.Output.EndsWith("topology bridge: 14 changes made\n", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Show_works_on_namespaces_of_others_by_name_and_by_process()
    {
        var space = _machine.SpaceOf("theirs");
        _machine.Network.Sh($"ip netns add {space}; ip -n {space} link add br9 type bridge; ip -n {space} addr add 10.7.7.7/24 dev br9; ip -n {space} link set br9 up; ip netns exec {space} nft 'add table ip t; add chain ip t c {{ type nat hook postrouting priority 100; }}; add rule ip t c oifname \"br9\" counter masquerade'");
        using var network = _machine.Open("theirs");
        using var sleeper = network.Run(() => Process.Start("sleep", "60"));
        try
        {
            var byName = await RunAsync("net", "show", space, "-o", "json");
            var byProcess = await RunAsync("net", "show", "--pid", sleeper.Id.ToString(CultureInfo.InvariantCulture), "-o", "json");

            foreach (var (code, output, _) in (IEnumerable<(int, string, string)>)[byName, byProcess])
            {
                Assert.Equal(0, code);
                using var json = JsonDocument.Parse(output);
                var bridge = json.RootElement.GetProperty("interfaces").EnumerateArray().Single(i => i.GetProperty("name").GetString() == "br9");
                Assert.Equal("bridge", bridge.GetProperty("kind").GetString());
                Assert.Equal("10.7.7.7/24", bridge.GetProperty("addresses")[0].GetString());
                Assert.Contains("masquerade", json.RootElement.GetProperty("rules")[0].GetProperty("rule").GetString(), StringComparison.Ordinal);
                Assert.Equal(JsonValueKind.Number, json.RootElement.GetProperty("rules")[0].GetProperty("packets").ValueKind);
            }
        }
        finally
        {
            sleeper.Kill();
        }
    }

    [Fact]
    public async Task A_host_that_is_not_there_is_told_and_a_program_s_exit_code_is_ours()
    {
        _machine.Apply(Machine.Example("switch"));

        Assert.Contains("there is no host or namespace 'violet'", (await RunAsync("net", "show", "violet")).Error, StringComparison.Ordinal);
        Assert.Equal(7, (await RunAsync("net", "exec", _machine.SpaceOf("a"), "--", "sh", "-c", "exit 7")).Code);
        Assert.Equal("lo\neth0\n", Sorted((await RunAsync("net", "exec", _machine.SpaceOf("a"), "--", "ls", "/sys/class/net")).Output));
        Assert.Equal(1, (await RunAsync("net", "exec", _machine.SpaceOf("a"), "--", "no-such-program")).Code);
        Assert.Equal(1, (await RunAsync("net", "ping", _machine.SpaceOf("a"), "192.168.1.99", "-c", "1")).Code);
        Assert.Equal("there is nothing of a topology nobody\n", (await RunAsync("net", "delete", "nobody")).Output);
        Assert.Equal(2, (await RunAsync("net", "delete")).Code);
    }

    public void Dispose() => _machine.Dispose();

    private static string Program => Path.Combine(AppContext.BaseDirectory, "fairlead");

    private static string Sorted(string lines) => string.Concat(lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).OrderDescending(StringComparer.Ordinal).Select(l => $"{l}\n"));

    /// <summary>An example whose namespaces nobody else has.</summary>
    private string File(string example)
    {
        var file = Path.Combine(_machine.Folder, $"{example}.yaml");
        var lines = Machine.Example(example).Split('\n').Select(l => l.StartsWith("  - name: ", StringComparison.Ordinal) && !l.Contains("machine", StringComparison.Ordinal) && !l.Contains("v-net-0", StringComparison.Ordinal)
            ? $"{l}\n    namespace: {_machine.SpaceOf(l["  - name: ".Length..])}"
            : l);
        System.IO.File.WriteAllText(file, string.Join('\n', lines));
        return file;
    }

    private Task<(int Code, string Output, string Error)> RunAsync(params string[] words) => StartAsync([Program, .. words]);

    private async Task<(int Code, string Output, string Error)> StartAsync(IReadOnlyList<string> command)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["XDG_STATE_HOME"] = _machine.Folder;
        using var process = _machine.Network.Run(() => Process.Start(start)!);
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}
