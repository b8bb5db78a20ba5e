using System.Text;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;
using Fairlead.Cni.Runtime.Explain;

namespace Fairlead.Tests.Cni;

public sealed class ChainExplainerTests
{
    [Fact]
    public void The_notes_own_configuration_is_told_in_the_notes_words()
    {
        var steps = Explain("""
            {"type":"net-script","bridge":"cni0","isGateway":true,"ipMasq":true,
             "ipam":{"type":"host-local","subnet":"10.244.0.0/16","routes":[{"dst":"0.0.0.0/0"}]}}
            """);

        Assert.Equal(
            ["namespace", "bridge", "veth", "attach", "attach", "address", "route", "address", "up", "masquerade"],
            steps.Select(s => s.Word));
        Assert.Contains("cni0, made if it is missing", steps.Select(s => s.What));
        Assert.Contains("a free one of 10.244.0.0/16, to the container's end (host-local)", steps.Select(s => s.What));
        Assert.Contains("the container's to 0.0.0.0/0 by the gateway", steps.Select(s => s.What));
        Assert.Contains("packets of the container that leave 10.244.0.0/16 get the host's address", steps.Select(s => s.What));
    }

    [Theory]
    [InlineData("""{"type":"bridge","bridge":"b0","hairpinMode":true,"portIsolation":true}""", "attach", "the other end to b0, in hairpin mode, isolated from other ports")]
    [InlineData("""{"type":"bridge","promiscMode":true,"vlan":7}""", "bridge", "cni0, made if it is missing, promiscuous, VLAN 7")]
    [InlineData("""{"type":"bridge","isDefaultGateway":true}""", "route", "the container's default by cni0")]
    [InlineData("""{"type":"bridge","mtu":1400}""", "veth", "a pair: one end for the container, one for the bridge, MTU 1400")]
    [InlineData("""{"type":"bridge","macspoofchk":true}""", "rule", "frames of the container with another hardware address are dropped")]
    [InlineData("""{"type":"ptp","ipMasq":true}""", "masquerade", "packets of the container that leave its network get the host's address")]
    [InlineData("""{"type":"macvlan","master":"eth0","mode":"vepa"}""", "attach", "a macvlan of eth0, mode vepa, in the container's namespace, as CNI_IFNAME says (eth0)")]
    [InlineData("""{"type":"ipvlan"}""", "attach", "an ipvlan of the interface of the default route, mode l2, in the container's namespace, as CNI_IFNAME says (eth0)")]
    [InlineData("""{"type":"vlan","master":"eth0","vlanId":5}""", "attach", "VLAN 5 of eth0, in the container's namespace, as CNI_IFNAME says (eth0)")]
    [InlineData("""{"type":"tap","bridge":"b0"}""", "attach", "a TAP interface, a port of b0, in the container's namespace, as CNI_IFNAME says (eth0)")]
    [InlineData("""{"type":"dummy"}""", "attach", "a dummy interface, in the container's namespace, as CNI_IFNAME says (eth0)")]
    [InlineData("""{"type":"host-device","device":"eth5"}""", "attach", "the host's device eth5 to the container's namespace, as CNI_IFNAME says (eth0)")]
    [InlineData("""{"type":"vrf","vrfname":"blue"}""", "attach", "the container's interface to the VRF blue, made if it is missing")]
    [InlineData("""{"type":"loopback"}""", "up", "the container's lo")]
    [InlineData("""{"type":"bridge","ipam":{"type":"static","addresses":[{"address":"10.0.0.2/24"}]}}""", "address", "10.0.0.2/24, to the container's end (static)")]
    [InlineData("""{"type":"bridge","ipam":{"type":"host-local","ranges":[[{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.9"}],[{"subnet":"fd00::/64"}]]}}""", "address", "a free one of 10.0.0.0/24 from 10.0.0.9 on and fd00::/64, to the container's end (host-local)")]
    [InlineData("""{"type":"bridge","ipam":{"type":"dhcp"}}""", "address", "what dhcp gives, to the container's end")]
    [InlineData("""{"type":"portmap","capabilities":{"portMappings":true}}""", "setting", "takes from the runtime, where it gives them: portMappings")]
    [InlineData("""{"type":"portmap","masqAll":true}""", "masquerade", "whoever comes by such a port gets the host's address")]
    [InlineData("""{"type":"bandwidth","ingressRate":1000000,"ingressBurst":8000}""", "rate", "traffic to the container at most 1000000 bit/s")]
    [InlineData("""{"type":"bandwidth"}""", "rate", "limits of the container's traffic where the runtime asks for them (bandwidth)")]
    [InlineData("""{"type":"firewall","ingressPolicy":"same-bridge"}""", "rule", "new connections from other networks' containers are dropped (ingressPolicy same-bridge)")]
    [InlineData("""{"type":"tuning","sysctl":{"net.core.somaxconn":"500"}}""", "setting", "net.core.somaxconn = 500 in the container's namespace")]
    [InlineData("""{"type":"tuning","mtu":1400}""", "setting", "mtu of the container's interface: 1400")]
    [InlineData("""{"type":"sbr"}""", "route", "packets that leave with the container's address leave by its own interface: a rule and a table of routes for it")]
    [InlineData("""{"type":"weave-net"}""", "unknown", "'weave-net' is not a plugin that Fairlead knows; it is run with its configuration and the result so far")]
    public void Each_plugin_says_what_its_options_mean(string plugin, string word, string what)
        => Assert.Contains(new CniStep(word, what), Explain(plugin));

    [Fact]
    public void A_value_of_the_wrong_type_is_the_fault_that_the_plugin_would_report()
        => Assert.Equal(CniErrorCode.Decoding, Assert.Throws<CniException>(() => Explain("""{"type":"bridge","mtu":"1400"}""")).Code);

    private static IReadOnlyList<CniStep> Explain(string plugin)
    {
        var list = NetworkList.Parse("test", Encoding.UTF8.GetBytes($$"""{"cniVersion":"1.0.0","name":"n","plugins":[{{plugin}}]}"""));
        return ChainExplainer.Explain(list.Plugins.Single(), null).Steps;
    }
}
