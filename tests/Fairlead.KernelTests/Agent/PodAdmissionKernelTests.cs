using System.Net;
using System.Net.Sockets;
using Fairlead.Cni.Protocol;
using Fairlead.KernelTests.Cni;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.KernelTests.Agent;

/// <summary>Policies are in force when a pod's ADD returns, and were before its cable was plugged in.</summary>
public sealed class PodAdmissionKernelTests : IAsyncLifetime
{
    private const int Port = 7000;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;
    private AgentNode _node = null!;

    public async ValueTask InitializeAsync() => _node = await AgentNode.StartAsync();

    public ValueTask DisposeAsync() => _node.DisposeAsync();

    [Fact]
    public async Task Not_one_packet_reaches_a_pod_that_is_closed()
    {
        await _node.CreateAsync(Policy("closed"));
        var sender = await _node.AddPodAsync("open", "sender");
        using var flood = new Flood(sender.Network, Port);
        for (var i = 0; i < 8; i++)
        {
            var (network, attachment) = await _node.NewPodAsync("shop", $"closed-{i}");
            using var received = network.Listen(IPAddress.Any, Port, ProtocolType.Udp);
            await _node.Runtime.AddAsync(attachment, _ct);
            await flood.RoundAsync(_ct);

            Assert.Equal(0, received.Available);
        }

        // The flood does reach what is open.
        var (open, opened) = await _node.NewPodAsync("open", "open");
        using var heard = open.Listen(IPAddress.Any, Port, ProtocolType.Udp);
        await _node.Runtime.AddAsync(opened, _ct);
        await Eventually.TrueAsync(() => heard.Available > 0, _ct);
    }

    [Fact]
    public async Task What_is_allowed_passes_at_once_though_the_API_does_not_know_the_pods_address()
    {
        await _node.CreateAsync(Policy("from-clients", new()
        {
            Ingress = [new() { From = [new() { PodSelector = new() { MatchLabels = EquatableMap.Of(("app", "client")) } }] }],
        }));
        for (var i = 0; i < 4; i++)
        {
            var server = await _node.AddPodAsync("shop", $"server-{i}", ("app", "server"));
            using var listener = server.Network.Listen(server.Address, Port);
            var client = await _node.AddPodAsync("shop", $"client-{i}", ("app", "client"));
            var stranger = await _node.AddPodAsync("shop", $"stranger-{i}", ("app", "other"));

            Assert.Equal(client.Address, await client.Network.ReachAsync(server.Address, Port, listener, _ct));
            Assert.True(stranger.Network.CannotConnect(server.Address, Port));
        }
    }

    [Fact]
    public async Task A_pod_stays_closed_when_the_agent_starts_anew_before_the_API_knows_its_address()
    {
        await _node.CreateAsync(Policy("closed"));
        var client = await _node.AddPodAsync("open", "client");
        var server = await _node.AddPodAsync("shop", "server");
        using var flood = new Flood(client.Network, Port);
        using var received = server.Network.Listen(IPAddress.Any, Port, ProtocolType.Udp);
        for (var i = 0; i < 3; i++)
        {
            await _node.StopAgentAsync();
            await _node.StartAgentAsync();
            await _node.AddPodAsync("shop", $"after-{i}"); // returns when a table is in force
        }

        await flood.RoundAsync(_ct);
        Assert.Equal(0, received.Available);
    }

    [Fact]
    public async Task A_pod_whose_object_is_gone_stays_closed_until_its_cable_is_pulled()
    {
        await _node.CreateAsync(Policy("closed"));
        var client = await _node.AddPodAsync("open", "client");
        var server = await _node.AddPodAsync("shop", "server");
        using var flood = new Flood(client.Network, Port);
        using var received = server.Network.Listen(IPAddress.Any, Port, ProtocolType.Udp);

        await _node.Api.Client.DeleteAsync(KubeResources.Pods, "shop", "server", new DeleteOptions { GracePeriodSeconds = 0 }, _ct);
        await _node.AddPodAsync("shop", "after");
        await flood.RoundAsync(_ct);
        Assert.Equal(0, received.Available);
        Assert.Contains($"{server.Address}", Rules(), StringComparison.Ordinal);

        await _node.Runtime.DelAsync(server.Attachment, _ct);
        await Eventually.TrueAsync(() => !Rules().Contains($"{server.Address}", StringComparison.Ordinal), _ct);
    }

    [Fact]
    public async Task A_pod_that_the_API_does_not_know_is_plugged_in_only_where_no_policy_can_select_it()
    {
        await _node.CreateAsync(Policy("closed"));
        await _node.AddPodAsync("shop", "first"); // the agent knows of the policy
        var (_, attachment) = _node.Node.NewPod();
        var unknown = attachment with { Arguments = attachment.Arguments.SetItem("K8S_POD_NAMESPACE", "shop") };

        var refusal = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(unknown, _ct));
        Assert.Equal(CniErrorCode.TryAgainLater, refusal.Code);
        Assert.Contains("the API server has not told of this pod yet", refusal.Message, StringComparison.Ordinal);
        await _node.Runtime.AddAsync(attachment with { Arguments = attachment.Arguments.SetItem("K8S_POD_NAMESPACE", "open") }, _ct);
    }

    private static NetworkPolicy Policy(string name, NetworkPolicySpec? spec = null) => new()
    {
        Metadata = new() { Namespace = "shop", Name = name },
        Spec = spec ?? new() { PodSelector = new(), PolicyTypes = ["Ingress"] },
    };

    private string Rules() => _node.Node.Network.Sh("nft list table inet fairlead-policy");
}
