using System.Net;
using System.Net.Sockets;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Linux;

public sealed class NetworkNamespaceKernelTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    [Fact]
    public void A_created_name_is_seen_by_ip_netns_and_the_reverse()
    {
        Shell.Need("ip");
        var ours = namespaces.New();
        var theirs = TestNamespaces.NewName("ip");
        _ = ours.Sh($"ip netns add {theirs}");
        try
        {
            Assert.Contains(ours.Name!, ours.Sh("ip netns list"), StringComparison.Ordinal);
            Assert.Contains(theirs, NetworkNamespace.List());
            using var opened = NetworkNamespace.Open(theirs);
            Assert.NotEqual(ours.Inode, opened.Inode);
        }
        finally
        {
            Assert.True(NetworkNamespace.Delete(theirs));
        }
    }

    [Fact]
    public void Creating_twice_opens_the_same_namespace()
    {
        var once = namespaces.New();
        using var twice = NetworkNamespace.Create(once.Name!);

        Assert.Equal(once.Inode, twice.Inode);
    }

    [Fact]
    public void Many_that_create_the_same_name_at_once_get_the_same_namespace()
    {
        var name = TestNamespaces.NewName("race");
        try
        {
            var inodes = new ulong[16];
            Parallel.For(0, inodes.Length, new() { MaxDegreeOfParallelism = 16 }, i =>
            {
                using var network = NetworkNamespace.Create(name);
                inodes[i] = network.Inode;
            });

            Assert.Single(inodes.Distinct());
        }
        finally
        {
            Assert.True(NetworkNamespace.Delete(name));
            Assert.False(File.Exists($"{NetworkNamespace.Root}/{name}"));
        }
    }

    [Fact]
    public void The_empty_file_of_a_killed_creation_is_no_namespace_and_is_healed()
    {
        var name = TestNamespaces.NewName("left");
        File.WriteAllText($"{NetworkNamespace.Root}/{name}", "");
        try
        {
            Assert.DoesNotContain(name, NetworkNamespace.List());
            Assert.False(NetworkNamespace.Exists(name));
            Assert.Equal(Errno.Invalid, Assert.Throws<LinuxException>(() => NetworkNamespace.Open(name)).Errno);

            using var healed = NetworkNamespace.Create(name);
            Assert.True(NetworkNamespace.Exists(name));
            Assert.True(NetworkNamespace.Delete(name));

            File.WriteAllText($"{NetworkNamespace.Root}/{name}", "");
            using var made = NetworkNamespace.CreateNew(name);
            Assert.NotEqual(healed.Inode, made.Inode);
        }
        finally
        {
            _ = NetworkNamespace.Delete(name);
        }
    }

    [Fact]
    public void A_new_namespace_is_marked_before_its_name_is_seen()
    {
        var name = TestNamespaces.NewName("mark");
        try
        {
            var seen = true;
            using var made = NetworkNamespace.CreateNew(name, () =>
            {
                using var inside = RouteSocket.Open();
                inside.AddAltName(1, "fairlead-mark");
                seen = NetworkNamespace.Exists(name);
            });

            Assert.False(seen);
            using var socket = RouteSocket.Open(made);
            Assert.Equal("lo", socket.GetLink("fairlead-mark").Name);
            using var opened = NetworkNamespace.Open(name);
            Assert.Equal(opened.Inode, made.Inode);
            Assert.True(Assert.Throws<LinuxException>(() => NetworkNamespace.CreateNew(name)).IsExists);
        }
        finally
        {
            Assert.True(NetworkNamespace.Delete(name));
        }
    }

    [Fact]
    public void A_namespace_whose_preparation_fails_never_gets_its_name_and_neither_do_those_made_with_it()
    {
        var names = new[] { TestNamespaces.NewName("a"), TestNamespaces.NewName("b") };

        Assert.Throws<FormatException>(() => NetworkNamespace.CreateNew(names, i =>
        {
            if (i == 1)
            {
                throw new FormatException("inside");
            }
        }));

        Assert.All(names, n => Assert.False(File.Exists($"{NetworkNamespace.Root}/{n}")));
    }

    [Fact]
    public void Many_namespaces_are_made_at_once_each_its_own()
    {
        var names = Enumerable.Range(0, 20).Select(i => TestNamespaces.NewName($"m{i}")).ToList();
        var made = NetworkNamespace.CreateNew(names);
        try
        {
            Assert.Equal(names, made.Select(n => n.Name));
            Assert.Equal(names.Count, made.Select(n => n.Inode).Distinct().Count());
            Assert.Equal(made.Select(n => n.Inode), names.Select(n =>
            {
                using var opened = NetworkNamespace.Open(n);
                return opened.Inode;
            }));
        }
        finally
        {
            Assert.All(made, n => n.Dispose());
            Assert.All(names, n => Assert.True(NetworkNamespace.Delete(n)));
        }
    }

    [Fact]
    public void Deleting_says_whether_there_was_one_and_opening_a_missing_one_that_it_is_not_found()
    {
        var name = TestNamespaces.NewName();
        NetworkNamespace.Create(name).Dispose();

        Assert.True(NetworkNamespace.Delete(name));
        Assert.False(NetworkNamespace.Delete(name));
        Assert.True(Assert.Throws<LinuxException>(() => NetworkNamespace.Open(name)).IsNotFound);
    }

    [Fact]
    public void A_handle_keeps_the_namespace_after_its_name_is_gone()
    {
        var name = TestNamespaces.NewName();
        using var network = NetworkNamespace.Create(name);
        _ = NetworkNamespace.Delete(name);

        using var inside = network.Run(NetworkNamespace.Current);
        Assert.Equal(network.Inode, inside.Inode);
    }

    [Fact]
    public async Task A_socket_made_inside_stays_inside_and_is_awaited_outside()
    {
        var network = namespaces.New();
        _ = network.Sh("ip link set lo up");
        using var listener = network.Run(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            socket.Listen();
            return socket;
        });
        using var client = network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        var accepted = listener.AcceptAsync(TestContext.Current.CancellationToken);
        await client.ConnectAsync(listener.LocalEndPoint!, TestContext.Current.CancellationToken);
        using var served = await accepted;

        Assert.True(served.Connected);
        await Assert.ThrowsAsync<SocketException>(async () => await stranger.ConnectAsync(listener.LocalEndPoint!, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void An_asynchronous_body_is_refused()
    {
        var network = namespaces.New();

        Assert.Throws<ArgumentException>(() => { _ = network.Run(() => Task.CompletedTask); });
        Assert.Throws<ArgumentException>(() => { _ = network.Run(() => Task.FromResult(1)); });
    }

    [Fact]
    public void An_exception_comes_out_as_it_was_thrown()
        => Assert.Throws<FormatException>(() => namespaces.New().Run(() => throw new FormatException("inside")));

    [Fact]
    public void Settings_are_the_namespaces_own()
    {
        var network = namespaces.New();
        var before = Sysctl.Read("net/ipv4/ip_forward");

        Sysctl.WriteAll([("net/ipv4/ip_forward", "1"), ("net/ipv4/conf/all/rp_filter", "2")], network);

        Assert.Equal("1", Sysctl.Read("net/ipv4/ip_forward", network));
        Assert.Equal("2", Sysctl.Read("net/ipv4/conf/all/rp_filter", network));
        Assert.Equal(before, Sysctl.Read("net/ipv4/ip_forward"));
        Assert.Null(Sysctl.Find("net/ipv4/no_such_setting", network));
        Assert.True(Assert.Throws<LinuxException>(() => Sysctl.Write("net/ipv4/no_such_setting", "1", network)).IsNotFound);
        Assert.Throws<LinuxException>(() => Sysctl.Write("net/ipv4/ip_forward", "rubbish", network));
    }
}
