using System.Net;
using System.Net.Sockets;
using Fairlead.Cni.Protocol;
using Fairlead.KernelTests.Fixtures;

namespace Fairlead.KernelTests.Cni;

public sealed class PortmapKernelTests : IDisposable
{
    private const string Web = """[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]""";
    private readonly CniNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public PortmapKernelTests() => _node.Write();

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task A_published_port_is_reached_from_outside_with_the_clients_address()
    {
        var pod = await _node.AddPodAsync(Web, _ct);
        using var listener = pod.Network.Listen(IPAddress.Any, 80);

        Assert.Equal(CniNode.OutsideAddress, await _node.Outside.ReachAsync(CniNode.NodeAddress, 8080, listener, _ct));
    }

    [Fact]
    public async Task From_the_node_itself_by_every_address_of_its_own()
    {
        var pod = await _node.AddPodAsync(Web, _ct);
        using var listener = pod.Network.Listen(IPAddress.Any, 80);

        foreach (var address in new[] { "127.0.0.1", "10.32.0.1", "198.51.100.1" })
        {
            Assert.NotNull(await _node.Network.ReachAsync(IPAddress.Parse(address), 8080, listener, _ct));
        }
    }

    [Fact]
    public async Task From_a_neighbour_and_from_the_pod_itself()
    {
        var (pod, neighbour) = (await _node.AddPodAsync(Web, _ct), await _node.AddPodAsync(ct: _ct));
        using var listener = pod.Network.Listen(IPAddress.Any, 80);

        Assert.NotNull(await neighbour.Network.ReachAsync(CniNode.NodeAddress, 8080, listener, _ct));
        Assert.NotNull(await pod.Network.ReachAsync(CniNode.NodeAddress, 8080, listener, _ct));
    }

    [Fact]
    public async Task What_listens_on_the_nodes_loopback_stays_out_of_reach_of_pods()
    {
        var pod = await _node.AddPodAsync(Web, _ct);
        using var secret = _node.Network.Listen(IPAddress.Loopback, 9999);
        pod.Network.Sh("echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet; ip route add 127.0.0.1/32 via 10.32.0.1");

        Assert.True(pod.Network.CannotConnect(IPAddress.Loopback, 9999));

        _node.Network.Sh("nft flush chain ip fairlead-cni-hostports guard");
        Assert.False(pod.Network.CannotConnect(IPAddress.Loopback, 9999)); // so it was the guard that kept it out
    }

    [Fact]
    public async Task Datagrams_are_mapped_too()
    {
        var pod = await _node.AddPodAsync("""[{"hostPort":5353,"containerPort":53,"protocol":"udp"}]""", _ct);
        using var server = pod.Network.Listen(IPAddress.Any, 53, ProtocolType.Udp);
        using var client = _node.Outside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));

        await client.SendToAsync("hello"u8.ToArray(), new IPEndPoint(CniNode.NodeAddress, 5353), _ct);
        var buffer = new byte[16];
        var received = await server.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _ct);

        Assert.Equal((5, CniNode.OutsideAddress), (received.ReceivedBytes, ((IPEndPoint)received.RemoteEndPoint).Address));
    }

    [Fact]
    public async Task The_keys_may_be_written_as_containerd_writes_them()
    {
        var pod = await _node.AddPodAsync("""[{"HostPort":8080,"ContainerPort":80,"Protocol":"TCP","HostIP":""}]""", _ct);
        using var listener = pod.Network.Listen(IPAddress.Any, 80);

        Assert.NotNull(await _node.Outside.ReachAsync(CniNode.NodeAddress, 8080, listener, _ct));
    }

    [Theory]
    [InlineData(Web, "the same port again")]
    [InlineData("""[{"hostPort":8080,"containerPort":8080,"hostIP":"198.51.100.1"}]""", "the same port at one address")]
    public async Task A_second_claim_fails_and_names_the_holder(string ports, string because)
    {
        var holder = await _node.AddPodAsync(Web, _ct);

        var error = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(_node.NewPod(ports).Attachment, _ct));

        Assert.Equal((CniErrorCode.HostPortTaken, because), (error.Code, because));
        Assert.Contains("tcp port 8080 is taken by app-space/pod-1", error.Message, StringComparison.Ordinal);
        Assert.Equal([holder.Address.ToString()], _node.Reserved());
    }

    [Fact]
    public async Task A_claim_of_all_addresses_fails_where_one_is_taken_and_other_addresses_and_protocols_do_not()
    {
        await _node.AddPodAsync("""[{"hostPort":8080,"containerPort":80,"hostIP":"198.51.100.1"}]""", _ct);

        _ = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(_node.NewPod(Web).Attachment, _ct));
        _ = await _node.AddPodAsync("""[{"hostPort":8080,"containerPort":80,"hostIP":"10.32.0.1"}]""", _ct);
        await _node.AddPodAsync("""[{"hostPort":8080,"containerPort":80,"protocol":"udp"}]""", _ct);
    }

    [Fact]
    public async Task Of_many_parallel_claims_exactly_one_succeeds()
    {
        var runtime = _node.Runtime;
        var claims = Enumerable.Range(0, 12).Select(_ => runtime.AddAsync(_node.NewPod(Web).Attachment, _ct)).ToList();

        await Task.WhenAll(claims.Select(c => c.ContinueWith(_ => { }, _ct, TaskContinuationOptions.None, TaskScheduler.Default)));

        _ = Assert.Single(claims, c => c.IsCompletedSuccessfully);
        Assert.All(claims.Where(c => c.IsFaulted), c => Assert.Equal(CniErrorCode.HostPortTaken, ((CniException)c.Exception!.InnerException!).Code));
        Assert.Single(_node.Reserved());
    }

    [Fact]
    public async Task DEL_frees_the_port()
    {
        var first = await _node.AddPodAsync(Web, _ct);
        await _node.Runtime.DelAsync(first.Attachment, _ct);

        var second = await _node.AddPodAsync(Web, _ct);

        using var listener = second.Network.Listen(IPAddress.Any, 80);
        Assert.NotNull(await _node.Outside.ReachAsync(CniNode.NodeAddress, 8080, listener, _ct));
    }

    [Fact]
    public async Task CHECK_notices_a_port_that_leads_nowhere()
    {
        var pod = await _node.AddPodAsync(Web, _ct);
        await _node.Runtime.CheckAsync(pod.Attachment, _ct);

        _node.Network.Sh("nft flush map ip fairlead-cni-hostports ports");

        var error = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.CheckAsync(pod.Attachment, _ct));
        Assert.Contains("tcp port 8080", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"hostPort":0,"containerPort":80}]""", "portMappings[0].hostPort")]
    [InlineData("""[{"hostPort":80,"containerPort":70000}]""", "portMappings[0].containerPort")]
    [InlineData("""[{"hostPort":80}]""", "portMappings[0].containerPort")]
    [InlineData("""[{"hostPort":80,"containerPort":80,"protocol":"icmp"}]""", "portMappings[0].protocol")]
    [InlineData("""[{"hostPort":80,"containerPort":80,"hostIP":"here"}]""", "portMappings[0].hostIP")]
    public async Task A_wrong_mapping_is_named(string ports, string field)
    {
        var error = await Assert.ThrowsAsync<CniException>(() => _node.Runtime.AddAsync(_node.NewPod(ports).Attachment, _ct));

        Assert.Equal(CniErrorCode.InvalidNetworkConfig, error.Code);
        Assert.Contains(field, error.Message, StringComparison.Ordinal);
        Assert.Empty(_node.Reserved());
    }
}
