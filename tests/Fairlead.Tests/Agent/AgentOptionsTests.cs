using System.Net;
using Fairlead.Agent;
using Fairlead.Kube.Client;

namespace Fairlead.Tests.Agent;

/// <summary>All that is wrong with what an agent is told, said at once and before anything is done.</summary>
public sealed class AgentOptionsTests
{
    private static readonly AgentOptions s_good = new() { Api = KubeConfig.UnixSocket("/nowhere"), NodeName = "n1" };

    /// <summary>Reason, options and what the fault must say.</summary>
    public static TheoryData<string, AgentOptions, string> Faults => new()
    {
        { "without an API there is nothing to follow", s_good with { Api = null }, "--kubeconfig" },
        { "without a name it is no node", s_good with { NodeName = "" }, "--node-name" },
        { "a pod could have a Service's address", s_good with { ServiceCidr = IPNetwork.Parse("10.33.0.0/16") }, "overlap" },
        { "and the other way round", s_good with { ClusterCidr = IPNetwork.Parse("10.96.3.0/24") }, "overlap" },
        { "an overlay that is none", s_good with { Overlay = "geneve" }, "there are: auto, vxlan, host-gw, wireguard, none" },
        { "a proxy mode that is none", s_good with { ProxyMode = "userspace" }, "there are: nftables, none" },
        { "a port that is none", s_good with { HealthPort = 70000 }, "--health-port" },
    };

    [Theory, MemberData(nameof(Faults))]
    public void A_fault_names_the_option_and_the_remedy(string because, AgentOptions options, string expected)
        => Assert.True(options.Validate() is [var fault] && fault.Contains(expected, StringComparison.Ordinal), because);

    [Fact]
    public void Good_options_and_a_cleanup_without_an_api_have_no_fault()
    {
        Assert.Empty(s_good.Validate());
        Assert.Empty(new AgentOptions { Cleanup = true }.Validate());
    }

    [Fact]
    public async Task All_faults_come_together()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => AgentRole.RunAsync(new AgentOptions { Overlay = "x" }, TestContext.Current.CancellationToken));

        Assert.Contains("--kubeconfig", error.Message, StringComparison.Ordinal);
        Assert.Contains("--node-name", error.Message, StringComparison.Ordinal);
        Assert.Contains("--overlay", error.Message, StringComparison.Ordinal);
    }
}
