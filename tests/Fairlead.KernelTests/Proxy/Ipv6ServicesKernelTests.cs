using System.Net;
using System.Net.Sockets;
using Fairlead.Core.Services;
using Fairlead.Core.State;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Proxy;

namespace Fairlead.KernelTests.Proxy;

/// <summary>Services of IPv6 and of both families on one node, with packets.</summary>
public sealed class Ipv6ServicesKernelTests : IDisposable
{
    private const string ServiceIP = "fd00:96::a";

    private readonly TestNamespaces _namespaces = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;
    private readonly NetworkNamespace _node;
    private readonly NetworkNamespace _client;
    private readonly NetworkNamespace _server;
    private readonly IReconciler<ServiceTable> _proxy;

    public Ipv6ServicesKernelTests()
    {
        (_node, _client, _server) = (_namespaces.New("node"), _namespaces.New("client"), _namespaces.New("server"));
        _node.Sh("ip link set lo up; sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1");
        foreach (var (pod, number) in new[] { (_client, 1), (_server, 2) })
        {
            _node.Sh($"""
                ip link add pod{number} up type veth peer name eth0 netns {pod.Name}
                ip addr add fd00:32:0:{number}::1/64 dev pod{number} nodad; ip addr add 10.32.{number}.1/24 dev pod{number}
                """);
            pod.Sh($"""
                ip link set lo up; ip link set eth0 up
                ip addr add fd00:32:0:{number}::2/64 dev eth0 nodad; ip addr add 10.32.{number}.2/24 dev eth0
                ip route add default via fd00:32:0:{number}::1; ip route add default via 10.32.{number}.1
                """);
        }

        // Any way out will do: without one the kernel does not get as far as the rules.
        _node.Sh("ip -6 route add default dev pod1; ip -4 route add default dev pod1");
        _proxy = ServiceProxy.Reconciler(new ServiceProxyOptions
        {
            NodeName = "here",
            ClusterCidrs = [IPNetwork.Parse("10.32.0.0/12"), IPNetwork.Parse("fd00:32::/48")],
            ServiceCidrs = [IPNetwork.Parse("10.96.0.0/12"), IPNetwork.Parse("fd00:96::/112")],
            Network = _node,
        });
    }

    public void Dispose()
    {
        (_proxy as IDisposable)?.Dispose();
        _namespaces.Dispose();
    }

    [Fact]
    public async Task A_service_of_both_families_answers_in_both()
    {
        using var serving = Listen();
        await ServeAsync("fd00:32:0:2::2", "10.32.2.2");

        Assert.Equal("fd00:32:0:1::2", await AskAsync(_client, ServiceIP, 80, serving));
        Assert.Equal("::ffff:10.32.1.2", await AskAsync(_client, "10.96.0.10", 80, serving));

        // The answer to a node port must come back through the node, whoever asked.
        Assert.Equal("fd00:32:0:2::1", await AskAsync(_client, "fd00:32:0:1::1", 30080, serving));
        Assert.Equal("fd00:32:0:1::1", await AskAsync(_node, ServiceIP, 80, serving));
    }

    [Fact]
    public async Task Without_endpoints_of_a_family_its_clients_are_refused_and_the_others_are_served()
    {
        using var serving = Listen();
        await ServeAsync(null, "10.32.2.2");

        foreach (var (address, port) in new[] { (ServiceIP, 80), ("fd00:32:0:1::1", 30080) })
        {
            var refused = await Assert.ThrowsAsync<SocketException>(() => AskAsync(_client, address, port, serving));
            Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
        }

        Assert.Equal("::ffff:10.32.1.2", await AskAsync(_client, "10.96.0.10", 80, serving));
    }

    [Fact]
    public async Task Cleaning_removes_the_tables_of_both_families()
    {
        Shell.Need("nft");
        await ServeAsync("fd00:32:0:2::2", "10.32.2.2");
        Assert.Equal("table ip fairlead-proxy\ntable ip6 fairlead-proxy\n", _node.Sh("nft list tables"));

        await _proxy.CleanAsync(_ct);

        Assert.Equal("", _node.Sh("nft list tables"));
    }

    private Task ServeAsync(string? six, string four)
    {
        var service = new Service
        {
            Metadata = new() { Namespace = "t", Name = "both" },
            Spec = new()
            {
                Type = "NodePort", ClusterIP = ServiceIP, ClusterIPs = [ServiceIP, "10.96.0.10"], IpFamilies = ["IPv6", "IPv4"],
                Ports = [new ServicePort { Name = "p", Port = 80, NodePort = 30080 }],
            },
        };
        var slices = new[] { Slice("IPv4", four), Slice("IPv6", six) };
        return _proxy.ReconcileAsync(ServiceTableCompiler.Compile([service], slices, new NodeFacts("here")), _ct);
    }

    private static EndpointSlice Slice(string family, string? address) => new()
    {
        Metadata = new() { Namespace = "t", Name = $"both-{family}", Labels = EquatableMap.Of((ServiceTableCompiler.ServiceNameLabel, "both")) },
        AddressType = family,
        Ports = [new EndpointPort { Name = "p", Port = 8080 }],
        Endpoints = address is null ? [] : [new Endpoint { Addresses = [address], NodeName = "here" }],
    };

    private Socket Listen() => _server.Run(() =>
    {
        var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true };
        socket.Bind(new IPEndPoint(IPAddress.IPv6Any, 8080));
        socket.Listen();
        return socket;
    });

    /// <summary>Connects, and gives the source that the server sees.</summary>
    private async Task<string> AskAsync(NetworkNamespace from, string address, int port, Socket serving)
    {
        var to = IPAddress.Parse(address);
        using var client = from.Run(() => new Socket(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        await client.ConnectAsync(new IPEndPoint(to, port), _ct).AsTask().WaitAsync(TimeSpan.FromSeconds(30), _ct);
        using var accepted = await serving.AcceptAsync(_ct);
        return $"{((IPEndPoint)accepted.RemoteEndPoint!).Address}";
    }
}
