using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Cni.Native;

/// <summary>Many containers at once on one node: each gets its own, and nothing stays.</summary>
public sealed class ParallelAttachmentTests : IDisposable
{
    private const string Subnet = "10.32.0.0/20";
    private readonly CniNode _node = new();
    private readonly NativePlugins _plugins;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public ParallelAttachmentTests() => _plugins = new NativePlugins(_node);

    public void Dispose() => _node.Dispose();

    [Fact]
    public Task Five_hundred_on_one_bridge() => AddAndRemoveAsync(500, _ => [Chains.Bridge(_node.DataFolder, Subnet)]);

    [Fact]
    public Task A_hundred_through_a_chain_of_four() => AddAndRemoveAsync(100, number => Chains.Full(_node.DataFolder, Subnet, 20_000 + number));

    [Fact]
    public Task A_hundred_through_the_one_that_does_the_work_of_four()
        => AddAndRemoveAsync(100, number => Chains.Combined(_node.DataFolder, Subnet, 20_000 + number));

    [Fact]
    public async Task Fifty_through_the_runtime_side()
    {
        _node.WriteList("pods", "1.1.0", [.. Chains.Full(_node.DataFolder, Subnet, 0).Select(Capable)]);
        var pods = Enumerable.Range(0, 51)
            .Select(i => _node.NewPod($$"""[{"hostPort":{{21_000 + i}},"containerPort":80,"protocol":"tcp"}]""").Attachment).ToList();
        _ = await _node.Runtime.AddAsync(pods[50], _ct); // what stays when the last one goes
        await _node.Runtime.DelAsync(pods[50], _ct);
        var before = _plugins.State();

        var results = await Task.WhenAll(pods[..50].Select(pod => Task.Run(() => _node.Runtime.AddAsync(pod, _ct), _ct)));

        Assert.Equal(50, results.Select(r => r.Addresses[0].Address).Distinct().Count());
        Assert.Equal(50, _node.Reserved().Length);

        await Task.WhenAll(pods[..50].Select(pod => Task.Run(() => _node.Runtime.DelAsync(pod, _ct), _ct)));

        Assert.Equal(before, _plugins.State());

        static JsonObject Capable(JsonObject plugin)
        {
            if (plugin.Remove("runtimeConfig"))
            {
                plugin["capabilities"] = new JsonObject { ["portMappings"] = true };
            }

            return plugin;
        }
    }

    private async Task AddAndRemoveAsync(int count, Func<int, JsonObject[]> chainOf)
    {
        ImmutableArray<(string Id, NetworkNamespace Network, JsonObject[] Chain)> pods =
            [.. Enumerable.Range(0, count).Select(number => (_node.NewPod() is var pod ? (pod.Attachment.ContainerId, pod.Network, chainOf(number)) : default))];
        var first = await _plugins.AddAsync(pods[0].Chain, pods[0].Id, pods[0].Network, _ct);
        await _plugins.DelAsync(pods[0].Chain, pods[0].Id, pods[0].Network, first, _ct);
        var before = _plugins.State();

        var results = await Task.WhenAll(pods.Select(pod => Task.Run(() => _plugins.AddAsync(pod.Chain, pod.Id, pod.Network, _ct), _ct)));

        Assert.Equal(count, results.Select(r => (string)r["ips"]![0]!["address"]!).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(count, _node.Reserved().Length);
        Assert.Equal(count, _node.Cables().Length - _node.Cables().Count(c => c.StartsWith("bwp", StringComparison.Ordinal)));

        await Task.WhenAll(pods.Zip(results).Select(pair =>
            Task.Run(() => _plugins.DelAsync(pair.First.Chain, pair.First.Id, pair.First.Network, pair.Second, _ct), _ct)));

        Assert.Equal(before, _plugins.State());

        await _plugins.GcAsync(pods[0].Chain, _ct);

        Assert.Equal(before, _plugins.State());
    }
}
