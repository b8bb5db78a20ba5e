using System.Net;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;

namespace Fairlead.KernelTests.Cni;

/// <summary><c>firewall</c> with the backend iptables: the rules are those that the reference plugin has iptables write, and the packets go by them.</summary>
public sealed class FirewallIptablesTests : IDisposable
{
    private const string Reference = "/usr/lib/cni/firewall"; // Debian's containernetworking-plugins
    private readonly PluginNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public FirewallIptablesTests() => Shell.Need("iptables-nft");

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task A_container_and_its_published_port_are_reached_where_FORWARD_drops()
    {
        var outside = _node.Uplink();
        outside.Sh("ip route add 10.61.0.0/24 via 198.51.100.1");
        var (pod, previous, address) = Bridge();
        pod.Network.Sh("ip route replace default via 10.61.0.1");
        _node.Network.Sh("iptables-nft -P FORWARD DROP");
        var ports = Of("""{"type":"portmap","runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}}""");
        _node.Add(ports, pod, previous: previous);
        var (far, near) = (IPAddress.Parse("198.51.100.2"), IPAddress.Parse("198.51.100.1"));
        using var listener = outside.Listen(far, 80);
        using var inPod = pod.Network.Listen(address, 80);
        Assert.True(pod.Network.CannotConnect(far, 80));
        Assert.True(outside.CannotConnect(near, 8080));
        var config = Of("""{"type":"firewall","backend":"iptables"}""");

        _node.Add(config, pod, previous: previous);

        Assert.NotNull(await pod.Network.ReachAsync(far, 80, listener, _ct));
        Assert.Equal(far, await outside.ReachAsync(near, 8080, inPod, _ct));
        using var unasked = pod.Network.Listen(address, 81);
        Assert.True(outside.CannotConnect(address, 81));
        Assert.Contains("-P FORWARD DROP", _node.Network.Sh("iptables-nft -S FORWARD"), StringComparison.Ordinal);

        // The administrator is asked first.
        _node.Network.Sh("iptables-nft -A CNI-ADMIN -s 10.61.0.0/24 -d 198.51.100.2 -p tcp --dport 80 -j REJECT");
        Assert.True(pod.Network.CannotConnect(far, 80));
        Assert.Equal(far, await outside.ReachAsync(near, 8080, inPod, _ct));
    }

    [Fact]
    public void The_rules_are_listed_checked_and_removed_as_iptables_own()
    {
        var (pod, previous, _) = Bridge(subnet6: "fd61::/64");
        var config = Of("""{"type":"firewall","iptablesAdminChainName":"OURS-FIRST","ingressPolicy":"same-bridge"}""");

        _node.Add(config, pod, previous: previous);
        _node.Add(config, pod, previous: previous);

        foreach (var (program, address) in new[] { ("iptables-nft", "10.61.0.2/32"), ("ip6tables-nft", "fd61::2/128") })
        {
            Assert.Equal(
                [
                    "-P INPUT ACCEPT", "-P FORWARD ACCEPT", "-P OUTPUT ACCEPT", "-N CNI-FORWARD", "-N OURS-FIRST",
                    "-A FORWARD -m comment --comment \"CNI firewall plugin rules\" -j CNI-FORWARD",
                    "-A CNI-FORWARD -m comment --comment \"CNI firewall plugin admin overrides\" -j OURS-FIRST",
                    $"-A CNI-FORWARD -d {address} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                    $"-A CNI-FORWARD -s {address} -j ACCEPT",
                    $"-A CNI-FORWARD -d {address} -m conntrack --ctstate DNAT -j ACCEPT",
                ],
                _node.Network.Sh($"{program} -S").Split('\n', StringSplitOptions.RemoveEmptyEntries));
            _node.Network.Sh($"{program} -C CNI-FORWARD -d {address} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
            _node.Network.Sh($"{program} -C FORWARD -m comment --comment 'CNI firewall plugin rules' -j CNI-FORWARD");
            Assert.Contains("CNI firewall plugin admin overrides", _node.Network.Sh($"{program} -L -v -n"), StringComparison.Ordinal);
        }

        _node.Call("CHECK", config, pod, previous: previous).Success();
        _node.Network.Sh("ip6tables-nft -D CNI-FORWARD -s fd61::2/128 -j ACCEPT");
        Assert.Contains("fd61::2", _node.Call("CHECK", config, pod, previous: previous).Refused(102).Message, StringComparison.Ordinal);
        _node.Add(config, pod, previous: previous);
        _node.Network.Sh("iptables-nft -F FORWARD");
        Assert.Contains("FORWARD", _node.Call("CHECK", config, pod, previous: previous).Refused(102).Message, StringComparison.Ordinal);

        // A node on which iptables was saved and restored has the same rules by other numbers.
        _node.Add(config, pod, previous: previous);
        _node.Network.Sh("iptables-nft-save | iptables-nft-restore; ip6tables-nft-save | ip6tables-nft-restore");
        _node.Call("CHECK", config, pod, previous: previous).Success();
        _node.Del(config, pod);
        Assert.DoesNotContain("ACCEPT", _node.Network.Sh("iptables-nft -S CNI-FORWARD; ip6tables-nft -S CNI-FORWARD"), StringComparison.Ordinal);
        Assert.DoesNotContain("61", _node.Network.Sh("nft list table inet fairlead-cni-firewall"), StringComparison.Ordinal);
        _node.Del(config, pod);
    }

    [Fact]
    public void GC_takes_what_belongs_to_nobody_and_an_address_that_was_given_again_stays()
    {
        var (pod, previous, _) = Bridge();
        var (other, otherPrevious, _) = Bridge();
        var config = Of("""{"type":"firewall","backend":"iptables"}""");
        _node.Add(config, pod, previous: previous);
        _node.Add(config, other, previous: otherPrevious);

        _node.Gc(config, other);
        var rules = _node.Network.Sh("iptables-nft -S CNI-FORWARD");
        Assert.DoesNotContain("10.61.0.2/32", rules, StringComparison.Ordinal);
        Assert.Contains("10.61.0.3/32", rules, StringComparison.Ordinal);

        // The first one's DEL comes late, when the second container has its address.
        _node.Add(config, other, previous: previous);
        _node.Del(config, pod, previous: previous);
        rules = _node.Network.Sh("iptables-nft -S CNI-FORWARD");
        Assert.Contains("10.61.0.2/32", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("10.61.0.3/32", rules, StringComparison.Ordinal);

        // And who changes the backend leaves nothing in the other.
        _node.Add(Of("""{"type":"firewall","backend":"nftables"}"""), other, previous: previous);
        Assert.DoesNotContain("10.61.0.2/32", _node.Network.Sh("iptables-nft -S CNI-FORWARD"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_reference_plugin_and_ours_check_and_remove_what_the_other_admitted()
    {
        Assert.SkipUnless(File.Exists(Reference), "needs Debian's containernetworking-plugins");
        var (pod, previous, _) = Bridge(subnet6: "fd61::/64");
        var config = Of("""{"type":"firewall","cniVersion":"1.0.0"}""");

        Theirs("ADD", config, pod, previous);
        Assert.Empty(Theirs("CHECK", config, pod, previous));
        _node.Call("CHECK", config, pod, previous: previous).Success();
        _node.Del(config, pod, previous: previous);
        Assert.DoesNotContain("ACCEPT", _node.Network.Sh("iptables-nft -S CNI-FORWARD; ip6tables-nft -S CNI-FORWARD"), StringComparison.Ordinal);

        // Nothing said, ours stays where the reference plugin was.
        _node.Add(config, pod, previous: previous);
        Assert.Empty(Theirs("CHECK", config, pod, previous));
        Assert.Empty(Theirs("DEL", config, pod, previous));
        Assert.Equal(["-A CNI-FORWARD -d 10.61.0.2/32 -m conntrack --ctstate DNAT -j ACCEPT"], _node.Network.Sh("iptables-nft -S CNI-FORWARD | grep ACCEPT").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        _node.Del(config, pod);
        Assert.DoesNotContain("ACCEPT", _node.Network.Sh("iptables-nft -S CNI-FORWARD; ip6tables-nft -S CNI-FORWARD"), StringComparison.Ordinal);
    }

    private string Theirs(string command, JsonObject config, PluginPod pod, JsonNode previous)
    {
        var input = (JsonObject)config.DeepClone();
        input["name"] = "pods";
        input["prevResult"] = previous.DeepClone();
        input["prevResult"]!["cniVersion"] = "1.0.0";
        var said = _node.Network.Sh(
            $"CNI_COMMAND={command} CNI_CONTAINERID={pod.Id} CNI_NETNS={pod.Network.Path} CNI_IFNAME=eth0 CNI_PATH=/usr/lib/cni PATH=/usr/sbin:/usr/bin:/sbin:/bin {Reference}", input.ToJsonString());
        return command == "ADD" ? "" : said;
    }

    private (PluginPod Pod, JsonNode Previous, IPAddress Address) Bridge(string? subnet6 = null)
    {
        var pod = _node.NewPod();
        var config = new JsonObject { ["type"] = "bridge", ["bridge"] = "br1", ["isGateway"] = true, ["ipam"] = _node.HostLocal("10.61.0.0/24", subnet6) };
        var previous = _node.Add(config, pod);
        return (pod, previous, InterfaceAddress.Parse((string)previous["ips"]![0]!["address"]!).Address);
    }

    private static JsonObject Of(string json) => (JsonObject)JsonNode.Parse(json)!;
}
