using System.Diagnostics;
using System.Text.Json.Nodes;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Cni.Native;

/// <summary>Plugins that are killed with SIGKILL at moments spread over their whole run: what they left goes with the next DEL.</summary>
public sealed class KilledChainTests : IDisposable
{
    private const int Rounds = 16;
    private const int Addresses = 5; // of a /29, without the network's, the gateway's and the last
    private const string Subnet = "10.32.0.0/29";
    private readonly CniNode _node = new();
    private readonly NativePlugins _plugins;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public KilledChainTests() => _plugins = new NativePlugins(_node);

    public static TheoryData<string, string> Killed => new()
    {
        { "portmap", "ADD" }, { "portmap", "DEL" }, { "bandwidth", "ADD" }, { "bandwidth", "DEL" }, { "firewall", "ADD" }, { "firewall", "DEL" },
        { "ptp", "ADD" }, { "ptp", "DEL" }, { "macvlan", "ADD" }, { "macvlan", "DEL" }, { "bridge", "DEL" }, { "fairlead", "ADD" }, { "fairlead", "DEL" },
    };

    public void Dispose() => _node.Dispose();

    [Theory, MemberData(nameof(Killed))]
    public async Task After_a_kill_at_any_moment_DEL_leaves_nothing_and_the_next_ADD_succeeds(string plugin, string verb)
    {
        var chain = ChainOf(plugin, 20_001);
        var (pod, _) = _node.NewPod();
        var longest = await LengthAsync(chain, plugin, verb, pod);
        var before = _plugins.State();

        for (var round = 0; round < Rounds; round++)
        {
            var id = $"k{round}";
            var delay = longest * round / (Rounds - 1);
            var result = await UntilKilledAsync(chain, plugin, verb, id, pod, delay);

            await _plugins.DelAsync(chain, id, pod, result, _ct);

            Assert.Equal(before, _plugins.State());
        }

        // No address was lost, or this would not be possible; none is given twice.
        var given = new List<JsonNode>();
        for (var i = 0; i < Addresses; i++)
        {
            given.Add(await _plugins.AddAsync(ChainOf(plugin, 20_001 + i), $"last{i}", _node.NewPod().Network, _ct));
        }

        Assert.Equal(Addresses, given.Select(r => (string)r["ips"]![0]!["address"]!).Distinct(StringComparer.Ordinal).Count());
    }

    [Theory]
    [InlineData("portmap")]
    [InlineData("fairlead")]
    public async Task A_kill_at_any_moment_takes_no_port_from_its_holder(string plugin)
    {
        var (pod, holder, claimer) = (_node.NewPod().Network, _node.NewPod().Network, _node.NewPod().Network);
        var (chain, held) = (ChainOf(plugin, 20_001), ChainOf(plugin, 20_000));
        var longest = await LengthAsync(chain, plugin, "ADD", pod);
        _ = await _plugins.AddAsync(held, "holder", holder, _ct);

        for (var round = 0; round < Rounds; round++)
        {
            var result = await UntilKilledAsync(chain, plugin, round % 2 == 0 ? "ADD" : "DEL", $"k{round}", pod, longest * round / (Rounds - 1));
            if (round % 3 == 0)
            {
                await _plugins.DelAsync(chain, $"k{round}", pod, result, _ct);
            }
            else
            {
                await _plugins.DelAsync(chain[..1], $"k{round}", pod, result, _ct);
                await _plugins.DelAsync(chain[1..], $"k{round}", pod, result, _ct);
            }

            var refused = await ClaimAsync(held, claimer);
            Assert.Equal((101, true), (refused.Code, refused.Message.Contains("holder", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public async Task GC_takes_back_the_ports_and_admissions_of_killed_ADDs()
    {
        var pod = _node.NewPod().Network;
        var chain = Chains.Full(_node.DataFolder, Subnet, 20_001);
        var longest = await LengthAsync(chain, "portmap", "ADD", pod);
        var before = _plugins.State();

        for (var round = 0; round < Rounds; round++)
        {
            _ = await UntilKilledAsync(chain, round % 2 == 0 ? "portmap" : "firewall", "ADD", $"k{round}", pod, longest * round / (Rounds - 1));

            await _plugins.GcAsync(chain, _ct);

            Assert.Equal(before, _plugins.State());
        }
    }

    private JsonObject[] ChainOf(string plugin, int port) => plugin switch
    {
        "ptp" => [Chains.Ptp(_node.DataFolder, Subnet)],
        "macvlan" => [Chains.Macvlan(_node.DataFolder, Subnet)],
        "fairlead" => Chains.Combined(_node.DataFolder, Subnet, port),
        _ => Chains.Full(_node.DataFolder, Subnet, port),
    };

    /// <summary>How long the plugin takes for the verb; what it makes once for all is made then.</summary>
    private async Task<TimeSpan> LengthAsync(JsonObject[] chain, string plugin, string verb, NetworkNamespace pod)
    {
        var watch = new Stopwatch();
        var longest = TimeSpan.Zero;
        for (var i = 0; i < 3; i++)
        {
            JsonNode? result = null;
            foreach (var config in chain)
            {
                watch.Restart();
                result = (await _plugins.CallAsync(NativePlugins.TypeOf(config), "ADD", NativePlugins.Input(config, result), "measure", pod.Path, _ct)).Success();
                longest = verb == "ADD" && NativePlugins.TypeOf(config) == plugin ? watch.Elapsed : longest;
            }

            foreach (var config in chain.Reverse())
            {
                watch.Restart();
                _ = (await _plugins.CallAsync(NativePlugins.TypeOf(config), "DEL", NativePlugins.Input(config, result), "measure", pod.Path, _ct)).Success();
                longest = verb == "DEL" && NativePlugins.TypeOf(config) == plugin ? watch.Elapsed : longest;
            }
        }

        return longest;
    }

    /// <summary>Runs a chain as far as the plugin that is killed, and gives the result that a runtime would have kept.</summary>
    private async Task<JsonNode?> UntilKilledAsync(JsonObject[] chain, string plugin, string verb, string id, NetworkNamespace pod, TimeSpan delay)
    {
        JsonNode? result = null;
        foreach (var config in chain)
        {
            var isIt = verb == "ADD" && NativePlugins.TypeOf(config) == plugin;
            var answer = await _plugins.CallAsync(
                NativePlugins.TypeOf(config), "ADD", NativePlugins.Input(config, result), id, pod.Path, _ct, killAfter: isIt ? delay : null);
            if (isIt)
            {
                return result;
            }

            result = answer.Success();
        }

        foreach (var config in chain.Reverse())
        {
            var isIt = NativePlugins.TypeOf(config) == plugin;
            var answer = await _plugins.CallAsync(
                NativePlugins.TypeOf(config), "DEL", NativePlugins.Input(config, result), id, pod.Path, _ct, killAfter: isIt ? delay : null);
            if (isIt)
            {
                break;
            }

            _ = answer.Success();
        }

        return result;
    }

    private async Task<PluginAnswer> ClaimAsync(JsonObject[] chain, NetworkNamespace pod)
    {
        JsonNode? result = null;
        foreach (var config in chain)
        {
            var answer = await _plugins.CallAsync(NativePlugins.TypeOf(config), "ADD", NativePlugins.Input(config, result), "claimer", pod.Path, _ct);
            if (answer.ExitCode != 0)
            {
                await _plugins.DelAsync(chain, "claimer", pod, result, _ct);
                return answer;
            }

            result = JsonNode.Parse(answer.Output);
        }

        throw new InvalidOperationException("the port was given twice");
    }
}
