using System.Collections.Immutable;
using System.Net;
using System.Text;
using Fairlead.Cni.Protocol;

namespace Fairlead.Tests.Cni;

public sealed class ResultFormTests
{
    private static readonly CniResult s_dualStack = new()
    {
        Interfaces = [new("cni0", "0a:00:00:00:00:01"), new("eth0", "0a:58:0a:20:00:05", "/run/netns/p", 1450)],
        Addresses =
        [
            new(IPAddress.Parse("10.32.0.5"), 24, IPAddress.Parse("10.32.0.1"), 1),
            new(IPAddress.Parse("fd00::5"), 64, IPAddress.Parse("fd00::1"), 1),
        ],
        Routes = [new(IPNetwork.Parse("0.0.0.0/0")) { Mtu = 1400 }, new(IPNetwork.Parse("fd01::/16"), IPAddress.Parse("fd00::2"))],
        Dns = new(["10.96.0.10"], "cluster.local", ["svc.cluster.local"], ["ndots:5"]),
    };

    public static TheoryData<string, string> Forms => new()
    {
        {
            "0.2.0",
            """{"cniVersion":"0.2.0","ip4":{"ip":"10.32.0.5/24","gateway":"10.32.0.1","routes":[{"dst":"0.0.0.0/0"}]},"ip6":{"ip":"fd00::5/64","gateway":"fd00::1","routes":[{"dst":"fd01::/16","gw":"fd00::2"}]},"dns":{"nameservers":["10.96.0.10"],"domain":"cluster.local","search":["svc.cluster.local"],"options":["ndots:5"]}}"""
        },
        {
            "0.4.0",
            """{"cniVersion":"0.4.0","interfaces":[{"name":"cni0","mac":"0a:00:00:00:00:01"},{"name":"eth0","mac":"0a:58:0a:20:00:05","sandbox":"/run/netns/p"}],"ips":[{"version":"4","interface":1,"address":"10.32.0.5/24","gateway":"10.32.0.1"},{"version":"6","interface":1,"address":"fd00::5/64","gateway":"fd00::1"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"fd01::/16","gw":"fd00::2"}],"dns":{"nameservers":["10.96.0.10"],"domain":"cluster.local","search":["svc.cluster.local"],"options":["ndots:5"]}}"""
        },
        {
            "1.0.0",
            """{"cniVersion":"1.0.0","interfaces":[{"name":"cni0","mac":"0a:00:00:00:00:01"},{"name":"eth0","mac":"0a:58:0a:20:00:05","sandbox":"/run/netns/p"}],"ips":[{"interface":1,"address":"10.32.0.5/24","gateway":"10.32.0.1"},{"interface":1,"address":"fd00::5/64","gateway":"fd00::1"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"fd01::/16","gw":"fd00::2"}],"dns":{"nameservers":["10.96.0.10"],"domain":"cluster.local","search":["svc.cluster.local"],"options":["ndots:5"]}}"""
        },
        {
            "1.1.0",
            """{"cniVersion":"1.1.0","interfaces":[{"name":"cni0","mac":"0a:00:00:00:00:01"},{"name":"eth0","mac":"0a:58:0a:20:00:05","mtu":1450,"sandbox":"/run/netns/p"}],"ips":[{"interface":1,"address":"10.32.0.5/24","gateway":"10.32.0.1"},{"interface":1,"address":"fd00::5/64","gateway":"fd00::1"}],"routes":[{"dst":"0.0.0.0/0","mtu":1400},{"dst":"fd01::/16","gw":"fd00::2"}],"dns":{"nameservers":["10.96.0.10"],"domain":"cluster.local","search":["svc.cluster.local"],"options":["ndots:5"]}}"""
        },
    };

    [Theory, MemberData(nameof(Forms))]
    public void A_result_is_written_in_the_form_of_the_configurations_version(string version, string expected)
        => Assert.Equal(expected, Compact(ResultWriter.ToJson(s_dualStack, CniVersion.Parse(version))));

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void What_is_written_is_read_back(string version)
    {
        var written = ResultWriter.ToJson(s_dualStack, CniVersion.Parse(version));

        var read = CniResult.Parse(Encoding.UTF8.GetBytes(written));

        Assert.Equal(written, ResultWriter.ToJson(read, CniVersion.Parse(version)));
        Assert.Equal(s_dualStack.Addresses.Select(a => a.ToString()), read.Addresses.Select(a => a.ToString()));
    }

    [Fact]
    public void An_empty_result_says_only_its_version()
        => Assert.Equal("""{"cniVersion":"1.1.0","dns":{}}""", Compact(ResultWriter.ToJson(new CniResult(), CniVersion.V110)));

    [Fact]
    public void A_result_that_is_no_json_is_a_decoding_failure()
        => Assert.Equal(CniErrorCode.Decoding, Assert.Throws<CniException>(() => CniResult.Parse("{ half"u8)).Code);

    private static string Compact(string json) => System.Text.Json.Nodes.JsonNode.Parse(json)!.ToJsonString();
}
