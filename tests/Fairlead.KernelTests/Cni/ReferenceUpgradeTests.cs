using System.Text;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Processes;

namespace Fairlead.KernelTests.Cni;

/// <summary>What the reference plugins made is taken away by ours: a node changes over without draining.</summary>
public sealed class ReferenceUpgradeTests : IDisposable
{
    private const string Reference = "/usr/lib/cni";
    private readonly PluginNode _node = new();

    public ReferenceUpgradeTests()
    {
        Assert.SkipUnless(File.Exists($"{Reference}/bridge"), "needs containernetworking-plugins");
        Shell.Need("iptables-save");
    }

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("bridge", true)]
    [InlineData("bridge", false)]
    [InlineData("ptp", true)]
    [InlineData("ptp", false)]
    public async Task A_container_of_the_reference_plugins_leaves_nothing_that_names_it(string type, bool hasPrevious)
    {
        var (pod, other) = (_node.NewPod(), _node.NewPod());
        var config = Interface(type);
        var result = await ReferenceAsync("ADD", config, pod, null);
        var othersResult = await ReferenceAsync("ADD", config, other, null);
        foreach (var chained in Chain(8080))
        {
            await ReferenceAsync("ADD", chained, pod, result);
        }

        foreach (var chained in Chain(8081))
        {
            await ReferenceAsync("ADD", chained, other, othersResult);
        }

        foreach (var chained in Chain(8080).AsEnumerable().Reverse())
        {
            // The firewall's rules hold nothing but the address, which only the result says.
            _node.Del(chained, pod, previous: hasPrevious || (string?)chained["type"] == "firewall" ? result : null);
        }

        _node.Del(config, pod, previous: hasPrevious ? result : null);

        var left = _node.Network.Sh("iptables-save; ip6tables-save");
        Assert.DoesNotMatch(@"10\.61\.0\.2\b|fd61::2\b|8080", left);
        Assert.DoesNotContain($"id: \\\"{pod.Id}\\\"", left, StringComparison.Ordinal);
        Assert.Contains("8081", left, StringComparison.Ordinal);
        Assert.Contains("-s 10.61.0.3/32", left, StringComparison.Ordinal);
        Assert.Equal(2, _node.Reserved().Length);
        Assert.Single(_node.Network.Sh("ip -o link show type veth").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Single(_node.Network.Sh("ip -o link show type ifb").Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    private JsonObject Interface(string type)
    {
        var ipam = _node.HostLocal(subnet6: "fd61::/64");
        return new JsonObject { ["cniVersion"] = "1.0.0", ["name"] = "pods", ["type"] = type, ["isGateway"] = true, ["ipMasq"] = true, ["ipam"] = ipam };
    }

    private static List<JsonObject> Chain(int port) =>
    [
        new JsonObject
        {
            ["cniVersion"] = "1.0.0", ["name"] = "pods", ["type"] = "portmap", ["capabilities"] = new JsonObject { ["portMappings"] = true },
            ["runtimeConfig"] = new JsonObject
            {
                ["portMappings"] = new JsonArray(new JsonObject { ["hostPort"] = port, ["containerPort"] = 80, ["protocol"] = "tcp" }),
            },
        },
        new JsonObject { ["cniVersion"] = "1.0.0", ["name"] = "pods", ["type"] = "firewall" },
        new JsonObject
        {
            ["cniVersion"] = "1.0.0", ["name"] = "pods", ["type"] = "bandwidth",
            ["ingressRate"] = 1_000_000, ["ingressBurst"] = 1_000_000, ["egressRate"] = 1_000_000, ["egressBurst"] = 1_000_000,
        },
    ];

    private async Task<JsonNode?> ReferenceAsync(string command, JsonObject config, PluginPod pod, JsonNode? previous)
    {
        var input = (JsonObject)config.DeepClone();
        if (previous is not null)
        {
            input["prevResult"] = previous.DeepClone();
        }

        var done = await Command.RunAsync(
            new SpawnOptions
            {
                Executable = $"{Reference}/{config["type"]}",
                Network = _node.Network,
                Environment = new Dictionary<string, string>
                {
                    ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin", ["CNI_COMMAND"] = command, ["CNI_CONTAINERID"] = pod.Id,
                    ["CNI_NETNS"] = pod.Network.Path, ["CNI_IFNAME"] = "eth0", ["CNI_PATH"] = Reference,
                },
            },
            Encoding.UTF8.GetBytes(input.ToJsonString()),
            TestContext.Current.CancellationToken);
        var said = Encoding.UTF8.GetString(done.Output);
        Assert.True(done.Status.ShellCode == 0, said);
        return said.Length == 0 ? null : JsonNode.Parse(said);
    }
}
