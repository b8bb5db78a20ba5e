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
    [InlineData("""["-m","comment","--comment","from outside -j DROP","-m","mark","!","--mark","0x1/0x1"]""", true)]
    [InlineData("""["-m","mark","--mark","7"]""", false)]
    [InlineData("""["-m","addrtype","--src-type","UNICAST","-m","addrtype","!","--dst-type","MULTICAST"]""", true)]
    [InlineData("""["--sport","1:1023"]""", false)]
    [InlineData("""["!","--sport","1"]""", true)]
    [InlineData("""["tcp sport 1024-65535 meta mark != 7 fib daddr type local meta l4proto tcp"]""", true)]
    [InlineData("""["udp sport 1024-65535"]""", false)]
    [InlineData("""["meta mark & 0x2 == 0x2"]""", false)]
    [InlineData("""["meta iifname != \"eth0\""]""", false)]
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
        var its = JsonNode.Parse(previous.ToJsonString().Replace("10.61.0.2/", "10.61.0.3/", StringComparison.Ordinal))!;
        Assert.Contains("taken", _node.Call("ADD", Portmap("[]"), other, previous: its).Refused(101).Message, StringComparison.Ordinal);
        _node.Del(config, pod, previous: previous);
        Assert.DoesNotContain("8080", _node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""["-j","ACCEPT"]""", 2, "-j")]
    [InlineData("""["-s"]""", 7, "-s")]
    [InlineData("""["-s","fd00::/8"]""", 7, "fd00::/8")]
    [InlineData("""["ip6","saddr","fd00::/8"]""", 7, "ip6")]
    [InlineData("""["-i","a/b"]""", 7, "a/b")]
    [InlineData("""["-m","owner","--uid-owner","0"]""", 2, "owner")]
    [InlineData("""["--mark","red"]""", 7, "red")]
    [InlineData("""["--sport","7:3"]""", 7, "7-3")]
    [InlineData("""["!","--sport","3:7"]""", 7, "3-7")]
    [InlineData("""["--dst-type","HERE"]""", 7, "HERE")]
    [InlineData("""["tcp","dport","80"]""", 2, "tcp")]
    [InlineData("""["!","ip","saddr","10.0.0.1"]""", 2, "! ip")]
    [InlineData("""["fib","oif","exists"]""", 2, "fib oif")]
    [InlineData("""["-s","10.0.0.1;drop"]""", 7, "conditionsV4")]
    [InlineData("""[1]""", 6, "conditionsV4")]
    public void A_condition_that_is_not_understood_is_refused(string conditions, int code, string word)
    {
        var pod = _node.NewPod();
        var previous = _node.Add(new JsonObject { ["type"] = "bridge", ["isDefaultGateway"] = true, ["ipam"] = _node.HostLocal() }, pod);

        Assert.Contains(word, _node.Call("ADD", Portmap(conditions), pod, previous: previous).Refused(code).Message, StringComparison.Ordinal);
    }

    /// <summary>The mark tells apart the packets that need the host's address: the container's own, and with masqAll everybody's.</summary>
    [Theory]
    [InlineData("{}", 25, true, false)]
    [InlineData("""{"backend":"iptables"}""", 25, true, false)]
    [InlineData("""{"backend":"nftables","markMasqBit":0}""", 0, true, false)]
    [InlineData("""{"markMasqBit":31,"masqAll":true}""", 31, true, true)]
    [InlineData("""{"backend":"iptables","externalSetMarkChain":"KUBE-MARK-MASQ"}""", 25, true, false)]
    [InlineData("""{"backend":"iptables","snat":false,"masqAll":true,"markMasqBit":5}""", null, false, false)]
    public async Task Who_gets_the_hosts_address_is_as_the_options_say_in_either_backend(string options, int? bit, bool hairpin, bool all)
    {
        var outside = _node.Uplink();
        var (pod, other) = (_node.NewPod(), _node.NewPod());
        var bridge = new JsonObject { ["type"] = "bridge", ["isDefaultGateway"] = true, ["hairpinMode"] = true, ["ipam"] = _node.HostLocal() };
        var (previous, otherPrevious) = (_node.Add(bridge, pod), _node.Add(bridge, other));
        var config = Portmap("[]");
        foreach (var (name, value) in JsonNode.Parse(options)!.AsObject())
        {
            config[name] = value!.DeepClone();
        }

        _node.Add(config, pod, previous: previous);
        var later = Portmap("[]");
        later["runtimeConfig"]!["portMappings"]![0]!["hostPort"] = 8081;
        later["markMasqBit"] = 7;
        _node.Add(later, other, previous: otherPrevious);

        var (host, address) = (IPAddress.Parse("198.51.100.1"), IPAddress.Parse("10.61.0.2"));
        using var listener = pod.Network.Listen(address, 80);
        Assert.Equal(all ? IPAddress.Parse("10.61.0.1") : IPAddress.Parse("198.51.100.2"), await outside.ReachAsync(host, 8080, listener, _ct));
        Assert.Equal(hairpin ? IPAddress.Parse("10.61.0.1") : null, await pod.Network.ReachAsync(host, 8080, listener, _ct));
        Assert.Equal(hairpin ? IPAddress.Parse("10.61.0.1") : null, await _node.Network.ReachAsync(IPAddress.Loopback, 8080, listener, _ct));
        Assert.Equal(bit is { } number ? $"jump mark-{number}" : "", _node.Network.Sh("nft list map ip fairlead-cni-hostports port-marks | grep -o '8080.*jump mark-[0-9]*' | grep -o 'jump.*' || true").Trim());
        _node.Call("CHECK", config, pod, previous: previous).Success();
        _node.Del(config, pod, previous: previous);
        _node.Del(later, other, previous: otherPrevious);
        Assert.DoesNotContain("808", _node.Network.Sh("nft list ruleset"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"markMasqBit":13,"externalSetMarkChain":"X"}""", "externalSetMarkChain")]
    [InlineData("""{"backend":"nftables","externalSetMarkChain":"X"}""", "externalSetMarkChain")]
    [InlineData("""{"backend":"nftables","conditionsV4":["-s","10.0.0.0/8"]}""", "conditionsV4")]
    [InlineData("""{"backend":"iptables","conditionsV6":["ip6","saddr","fd00::/8"]}""", "conditionsV6")]
    [InlineData("""{"markMasqBit":32}""", "markMasqBit")]
    [InlineData("""{"backend":"pf"}""", "backend")]
    public void Options_that_contradict_each_other_are_refused(string options, string field)
    {
        var pod = _node.NewPod();
        var previous = _node.Add(new JsonObject { ["type"] = "bridge", ["isDefaultGateway"] = true, ["ipam"] = _node.HostLocal() }, pod);
        var config = Portmap("[]");
        foreach (var (name, value) in JsonNode.Parse(options)!.AsObject())
        {
            config[name] = value!.DeepClone();
        }

        Assert.Contains(field, _node.Call("ADD", config, pod, previous: previous).Refused(7).Message, StringComparison.Ordinal);
    }

    private static JsonObject Portmap(string conditions) => new()
    {
        ["type"] = "portmap", ["conditionsV4"] = JsonNode.Parse(conditions),
        ["runtimeConfig"] = JsonNode.Parse("""{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}"""),
    };
}
