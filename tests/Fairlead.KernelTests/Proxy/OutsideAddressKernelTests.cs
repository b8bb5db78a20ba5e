using System.Text;
using Fairlead.Core.Services;
using Fairlead.KernelTests.Agent;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Proxy.HealthChecks;

namespace Fairlead.KernelTests.Proxy;

/// <summary>Load balancers' addresses, external addresses and health checks, with packets from a machine outside that are routed to a node.</summary>
public sealed class OutsideAddressKernelTests : IClassFixture<ServingNodes>
{
    private const string Balancer = "203.0.113.5";

    private readonly ServingNodes _nodes;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public OutsideAddressKernelTests(ServingNodes nodes)
    {
        _nodes = nodes;

        // As a router does that a balancer has told where the address is: to the first node.
        _nodes.Router.Sh($"ip route replace 203.0.113.0/24 via {_nodes[1].Address}");
    }

    [Fact]
    public async Task A_balancers_address_leads_to_the_endpoints_from_outside_from_pods_and_from_the_node()
    {
        var (service, servers) = (Balanced("10.96.7.1"), _nodes.Servers.ToArray());
        await _nodes.ServeAsync(_ct, (service, servers));

        Assert.Contains(" sees ", await _nodes.Outside.AskAsync(Balancer, 80, _ct), StringComparison.Ordinal);
        Assert.Contains(" sees ", await _nodes.Clients[1].Network.AskAsync(Balancer, 80, _ct), StringComparison.Ordinal);
        Assert.Contains(" sees ", await _nodes[2].Network.AskAsync(Balancer, 80, _ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_policy_local_a_client_outside_keeps_its_address_and_pods_see_all_endpoints()
    {
        var service = Balanced("10.96.7.2", s => s with { ExternalTrafficPolicy = "Local", HealthCheckNodePort = 32001 });
        await _nodes.ServeAsync(_ct, (service, [_nodes.Servers[0]]));

        Assert.Equal("n1-2 sees 198.19.2.10", await _nodes.Outside.AskAsync(Balancer, 80, _ct));
        Assert.StartsWith("n1-2 sees", await _nodes.Clients[2].Network.AskAsync(Balancer, 80, _ct), StringComparison.Ordinal);

        await _nodes.ServeAsync(_ct, (service, [_nodes.Servers[2]]));

        Assert.False(await AnswersAsync());
        Assert.StartsWith("n3-2 sees", await _nodes.Clients[0].Network.AskAsync(Balancer, 80, _ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Only_the_ranges_that_may_get_in_do()
    {
        await _nodes.ServeAsync(_ct, (Balanced("10.96.7.3", s => s with { LoadBalancerSourceRanges = ["198.19.2.0/24"] }), [.. _nodes.Servers]));
        Assert.Contains(" sees ", await _nodes.Outside.AskAsync(Balancer, 80, _ct), StringComparison.Ordinal);

        await _nodes.ServeAsync(_ct, (Balanced("10.96.7.3", s => s with { LoadBalancerSourceRanges = ["192.0.2.0/24"] }), [.. _nodes.Servers]));
        Assert.False(await AnswersAsync());

        await _nodes.ServeAsync(_ct, (Balanced("10.96.7.3"), [.. _nodes.Servers]));
        Assert.Contains(" sees ", await _nodes.Outside.AskAsync(Balancer, 80, _ct), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_endpoints_a_client_is_told_so_at_once()
    {
        await _nodes.ServeAsync(_ct, (Balanced("10.96.7.4"), []));

        var refused = await Assert.ThrowsAsync<System.Net.Sockets.SocketException>(() => _nodes.Outside.AskAsync(Balancer, 80, _ct));
        Assert.Equal(System.Net.Sockets.SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [Fact]
    public async Task An_agent_that_starts_anew_finds_it_all_as_it_should_be()
    {
        Shell.Need("nft");
        var services = new[] { (Balanced("10.96.7.5", s => s with { LoadBalancerSourceRanges = ["198.19.2.0/24", "192.0.2.0/24"], ExternalTrafficPolicy = "Local" }), new[] { _nodes.Servers[0] }) };
        await _nodes.ServeAsync(_ct, services);
        var before = _nodes[1].Network.Sh("nft -a list ruleset");

        _nodes.Restart();
        await _nodes.ServeAsync(_ct, services);

        Assert.Equal(before, _nodes[1].Network.Sh("nft -a list ruleset"));
    }

    [Fact]
    public async Task A_balancer_is_told_which_nodes_have_endpoints()
    {
        var service = Balanced("10.96.7.6", s => s with { ExternalTrafficPolicy = "Local", HealthCheckNodePort = 32006 });
        var tables = new Snapshot<ServiceTable>(ServingNodes.TableOf(_nodes[1], (service, [_nodes.Servers[0], _nodes.Servers[1]])));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        await using var ports = new HealthCheckPorts(tables, () => true, ServingNodes.OptionsOf(_nodes[1]));
        var running = ports.RunAsync(end.Token);

        var here = await HealthAsync(running, "200");
        Assert.Contains("{\"service\":{\"namespace\":\"t\",\"name\":\"balanced\"},\"localEndpoints\":1,\"serviceProxyHealthy\":true}", here, StringComparison.Ordinal);
        Assert.Contains("X-Load-Balancing-Endpoint-Weight: 1", here, StringComparison.Ordinal);
        tables.Publish(ServingNodes.TableOf(_nodes[1], (service, [_nodes.Servers[1]])));
        Assert.Contains("\"localEndpoints\":0", await HealthAsync(running, "503"), StringComparison.Ordinal);

        tables.Publish(ServiceTable.Empty);
        await HealthAsync(running, "refused");
        await end.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    /// <summary>Asks until the answer is of this status; the test's own limit ends it.</summary>
    private async Task<string> HealthAsync(Task running, string status)
    {
        while (!running.IsCompleted)
        {
            try
            {
                using var socket = await _nodes.Outside.ConnectAsync($"{_nodes[1].Address}", 32006, _ct);
                await socket.SendAsync("GET / HTTP/1.1\r\nHost: n1\r\nConnection: close\r\n\r\n"u8.ToArray(), _ct);
                var answer = new StringBuilder();
                var buffer = new byte[4096];
                for (int length; (length = await socket.ReceiveAsync(buffer, _ct)) > 0;)
                {
                    answer.Append(Encoding.ASCII.GetString(buffer, 0, length));
                }

                if (answer.ToString().StartsWith($"HTTP/1.1 {status}", StringComparison.Ordinal))
                {
                    return answer.ToString();
                }
            }
            catch (System.Net.Sockets.SocketException) when (status == "refused")
            {
                return "";
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Not there yet.
            }

            await Task.Delay(20, _ct);
        }

        await running;
        return "";
    }

    /// <summary>Whether a client outside gets an answer within a second, in which silence is told from it.</summary>
    private async Task<bool> AnswersAsync()
    {
        try
        {
            await _nodes.Outside.AskAsync(Balancer, 80, _ct).WaitAsync(TimeSpan.FromSeconds(1), _ct);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private static Service Balanced(string ip, Func<ServiceSpec, ServiceSpec>? and = null)
        => ServingNodes.Service("balanced", ip, and: s => (and ?? (x => x))(s with { Type = "LoadBalancer" })) with
        {
            Status = new() { LoadBalancer = new() { Ingress = [new LoadBalancerIngress { Ip = Balancer }] } },
        };
}
