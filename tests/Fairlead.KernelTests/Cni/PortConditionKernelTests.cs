using System.Net;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;

namespace Fairlead.KernelTests.Cni;

/// <summary>Ports that are published only for some packets.</summary>
public sealed class PortConditionKernelTests : IDisposable
{
    private readonly PluginNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("""["-s","198.51.100.0/24"]""", true)]
    [InlineData("""["!","-s","198.51.100.2"]""", false)]
    [InlineData("""["ip","saddr","!=","198.51.100.0/24"]""", false)]
    [InlineData("""["ip daddr 198.51.100.1 iifname eth0"]""", true)]
    [InlineData("""["-i","eth+","-d","198.51.100.1"]""", true)]
    [InlineData("""["! -i eth0"]""", false)]
    public async Task A_port_leads_on_what_the_conditions_hold_for(string conditions, bool expected)
    {
        var outside = _node.Uplink();
        var pod = _node.NewPod();
        var previous = _node.Add(new JsonObject { ["type"] = "bridge", ["isDefaultGateway"] = true, ["ipam"] = _node.HostLocal() }, pod);
        var config = Portmap(conditions);

        _node.Add(config, pod, previous: previous);

        using var listener = pod.Network.Listen(IPAddress.Parse("10.61.0.2"), 80);
        var host = IPAddress.Parse("198.51.100.1");
        Assert.Equal(expected, expected ? await outside.ReachAsync(host, 8080, listener, _ct) is not null : !outside.CannotConnect(host, 8080));
        _node.Call("CHECK", config, pod, previous: previous).Success();
        var other = _node.NewPod();
        Assert.Contains("taken", _node.Call("ADD", Portmap("[]"), other, previous: previous).Refused(101).Message, StringComparison.Ordinal);
        _node.Del(config, pod, previous: previous);
        Assert.DoesNotContain("8080", _node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""["-j","ACCEPT"]""", 2, "-j")]
    [InlineData("""["-s"]""", 7, "-s")]
    [InlineData("""["-s","fd00::/8"]""", 7, "fd00::/8")]
    [InlineData("""["ip6","saddr","fd00::/8"]""", 7, "ip6")]
    [InlineData("""["-i","a/b"]""", 7, "a/b")]
    [InlineData("""["-s","10.0.0.1;drop"]""", 7, "conditionsV4")]
    [InlineData("""[1]""", 6, "conditionsV4")]
    public void A_condition_that_is_not_understood_is_refused(string conditions, int code, string word)
    {
        var pod = _node.NewPod();
        var previous = _node.Add(new JsonObject { ["type"] = "bridge", ["isDefaultGateway"] = true, ["ipam"] = _node.HostLocal() }, pod);

        Assert.Contains(word, _node.Call("ADD", Portmap(conditions), pod, previous: previous).Refused(code).Message, StringComparison.Ordinal);
    }

    private static JsonObject Portmap(string conditions) => new()
    {
        ["type"] = "portmap", ["conditionsV4"] = JsonNode.Parse(conditions),
        ["runtimeConfig"] = JsonNode.Parse("""{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}"""),
    };
}
