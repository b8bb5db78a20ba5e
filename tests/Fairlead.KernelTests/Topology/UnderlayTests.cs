using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Lab.Nodes;
using Fairlead.Linux.Namespaces;
using Fairlead.Topology;

namespace Fairlead.KernelTests.Topology;

/// <summary>The lab's underlay, made in a namespace that plays the host.</summary>
public sealed class UnderlayTests : IDisposable
{
    private readonly TestNamespaces _namespaces = new();
    private readonly NetworkNamespace _host;
    private readonly UnderlayPlan _plan;
    private readonly NetworkTopology _topology;

    public UnderlayTests()
    {
        _host = _namespaces.New();
        var lab = $"t{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}";
        _plan = UnderlayPlanner.Plan(lab, 3, [])!;
        _topology = UnderlayTopology.Draw(lab, _plan);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_of_both_subnets_reach_each_other_and_the_host_with_their_own_addresses()
    {
        Apply();

        Assert.Equal(_plan.Nodes[0].Address, await ConnectAsync(_plan.Nodes[0], _plan.Nodes[2].Address, _plan.Nodes[2].Namespace));
        Assert.Equal(_plan.Nodes[0].Address, await ConnectAsync(_plan.Nodes[0], _plan.Nodes[1].Address, _plan.Nodes[1].Namespace));
        Assert.Equal(_plan.Nodes[2].Address, await ConnectAsync(_plan.Nodes[2], _plan.HostAddress, _host.Name!));
        using var node = NetworkNamespace.Open(_plan.Nodes[2].Namespace);
        Assert.Equal(_plan.HostAddress, await ConnectAsync(_host, _plan.Nodes[2].Address, node));
    }

    [Fact]
    public void Applying_twice_changes_nothing()
    {
        Apply();
        var once = Look();

        Apply();

        Assert.Equal(once, Look());
    }

    [Fact]
    public void A_lost_link_is_made_again()
    {
        Apply();
        var before = Look();
        _host.Sh($"ip netns exec {_plan.RouterNamespace} ip link del node2");

        Apply();

        Assert.Equal(before.Split('\n').Length, Look().Split('\n').Length);
    }

    [Fact]
    public void Deleting_leaves_the_host_as_it_was_and_may_be_done_twice()
    {
        var before = _host.Sh("ip -o link; ip route");
        Apply();

        Delete();
        Delete();

        Assert.Equal(before, _host.Sh("ip -o link; ip route"));
        Assert.DoesNotContain(_plan.RouterNamespace, NetworkNamespace.List());
    }

    [Fact]
    public void A_stranger_s_link_of_the_same_name_is_left_alone_and_nothing_is_made()
    {
        _host.Sh($"ip link add {_plan.HostLink} type veth peer name other");

        Assert.Throws<TopologyException>(Apply);

        Assert.Contains(_plan.HostLink, _host.Sh("ip -o link"), StringComparison.Ordinal);
        Assert.DoesNotContain(_plan.RouterNamespace, NetworkNamespace.List());
    }

    public void Dispose()
    {
        Delete();
        _namespaces.Dispose();
    }

    private void Apply() => _host.Run(() => { new TopologyReconciler().Apply(_topology); });

    private void Delete() => _host.Run(() => { new TopologyReconciler().Delete(_topology); });

    /// <summary>What stock ip sees, without what changes by itself.</summary>
    private string Look()
        => string.Join('\n', new[] { _host.Name!, _plan.RouterNamespace }.Concat(_plan.Nodes.Select(n => n.Namespace))
            .Select(n => _host.Sh($"ip netns exec {n} sh -c 'ip -o link | cut -d\" \" -f2; ip -o -4 addr | cut -d\" \" -f2-7; ip route'")));

    private static async Task<IPAddress> ConnectAsync(UnderlayNode from, IPAddress to, string listener)
    {
        using var source = NetworkNamespace.Open(from.Namespace);
        using var target = NetworkNamespace.Open(listener);
        return await ConnectAsync(source, to, target);
    }

    /// <summary>Makes one TCP connection and gives the address that the other side saw.</summary>
    private static async Task<IPAddress> ConnectAsync(NetworkNamespace from, IPAddress to, NetworkNamespace listenIn)
    {
        using var listener = listenIn.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(to, 0));
        listener.Listen();
        using var client = from.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        var connecting = client.ConnectAsync(listener.LocalEndPoint!, Ct);
        using var accepted = await listener.AcceptAsync(Ct);
        await connecting;
        return ((IPEndPoint)accepted.RemoteEndPoint!).Address;
    }
}
