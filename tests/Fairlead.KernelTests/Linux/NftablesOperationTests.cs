using System.Net;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;

namespace Fairlead.KernelTests.Linux;

/// <summary>Operations one by one, and what the kernel says against them.</summary>
public sealed class NftablesOperationTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    private const NftFamily Ip = NftFamily.Ip;
    private const string Table = "fairlead-test";

    private static readonly NftSet s_addresses = new("addresses", [NftType.Ipv4Address]);

    [Fact]
    public void Rules_go_where_they_are_told_to()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        socket.Commit(New().Add(new AddTable()).Add(new AddChain("c")).Add(new AddRule("c", [Match.Equal(Load.TcpDport, 2)], "two")));
        var two = Assert.Single(socket.Rules(Ip, Table)).Handle;

        socket.Commit(New()
            .Add(new InsertRule("c", [Match.Equal(Load.TcpDport, 0)], "zero"))
            .Add(new InsertRule("c", [Match.Equal(Load.TcpDport, 1)], "one") { Before = two })
            .Add(new AddRule("c", [Match.Equal(Load.TcpDport, 4)], "four"))
            .Add(new AddRule("c", [Match.Equal(Load.TcpDport, 3)], "three") { After = two }));
        Assert.Equal(["zero", "one", "two", "three", "four"], socket.Rules(Ip, Table).Select(r => r.Comment));
        Assert.Equal(["tcp dport 0", "tcp dport 1", "tcp dport 2", "tcp dport 3", "tcp dport 4"], socket.Rules(Ip, Table).Select(r => r.Text));

        socket.Commit(New().Add(new ReplaceRule("c", two, [Match.Equal(Load.UdpDport, 2), Act.Counter], "new two")));
        var rules = socket.Rules(Ip, Table);
        Assert.Equal(["zero", "one", "new two", "three", "four"], rules.Select(r => r.Comment));
        Assert.Equal(new NftCounts(0, 0), rules[2].Counts);
        socket.Commit(New().Add(new DeleteRule("c", rules[0].Handle)));
        Assert.Equal(4, socket.Rules(Ip, Table).Count);
        socket.Commit(New().Add(new FlushTable()));
        Assert.Empty(socket.Rules(Ip, Table));
        Assert.Single(socket.Chains(Ip, Table));
    }

    [Fact]
    public void What_may_be_there_is_destroyed_and_what_must_be_is_deleted()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var counter = new NftCounter("c");
        var element = new NftElement([IPAddress.Loopback]);
        NftOperation[] destroyed =
        [
            new DeleteRule("chain", 99) { IfThere = true }, new DeleteElements(s_addresses, element) { IfThere = true },
            new DeleteChain("chain") { IfThere = true }, new DeleteSet(s_addresses) { IfThere = true }, new DeleteObject(counter) { IfThere = true },
        ];
        socket.Commit(New().Add(new DeleteTable { IfThere = true }));
        socket.Commit(New().Add(new AddTable()).Add(new AddChain("chain")).Add(new AddSet(s_addresses)).Add(new AddObject(counter)).Add(new AddElements(s_addresses, element)));

        socket.Commit(New().AddRange(destroyed));
        Assert.Equal((0, 0, 0), (socket.Chains(Ip, Table).Count, socket.Sets(Ip, Table).Count, socket.Objects(Ip, Table).Count));
        socket.Commit(New().AddRange(destroyed.Skip(2)));
        Assert.StartsWith("destroy ", destroyed[0].Render($"ip {Table}"), StringComparison.Ordinal);

        Assert.All<NftOperation>(
            [new DeleteChain("chain"), new DeleteSet(s_addresses), new DeleteObject(counter), new DeleteRule("chain", 99)],
            o => Assert.True(Assert.Throws<LinuxException>(() => socket.Commit(New().Add(o))).IsNotFound));
        socket.Commit(New().Add(new DeleteTable { IfThere = true }));
        Assert.False(socket.HasTable(Ip, Table));
    }

    [Fact]
    public void A_table_sleeps_and_wakes_and_belongs_to_who_owns_it()
    {
        var network = namespaces.New();
        using var other = NftablesSocket.Open(network);
        using (var socket = NftablesSocket.Open(network))
        {
            socket.Commit(New().Add(new AddTable { Flags = NftTableFlags.Dormant }));
            Assert.Equal(NftTableFlags.Dormant, Assert.Single(socket.Tables()).Flags);
            socket.Commit(New().Add(new AddTable()));
            Assert.Equal(NftTableFlags.None, Assert.Single(socket.Tables()).Flags);
            socket.Commit(New().Add(new DeleteTable()));

            socket.Commit(New().Add(new AddTable { Flags = NftTableFlags.Owner }));
            Assert.Equal((NftTableFlags.Owner, socket.PortId), (Assert.Single(other.Tables()).Flags, Assert.Single(other.Tables()).Owner));
            Assert.Equal(Errno.NotPermitted, Assert.Throws<LinuxException>(() => other.Commit(New().Add(new AddChain("c")))).Errno);
        }

        Assert.Empty(other.Tables());
    }

    [Fact]
    public void The_policy_of_a_chain_can_be_changed()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var tied = new NftBaseChain(NftChainType.Filter, NftHook.Input, 0);
        socket.Commit(New().Add(new AddTable()).Add(new AddChain("in", tied)));

        socket.Commit(New().Add(new AddChain("in", tied with { AcceptByDefault = false })));

        Assert.False(Assert.Single(socket.Chains(Ip, Table)).Base!.AcceptByDefault);
        Assert.Throws<LinuxException>(() => socket.Commit(New().Add(new AddChain("in", tied with { Priority = 1 }))));
        Assert.Throws<ArgumentException>(() => socket.Commit(new NftTransaction(NftFamily.Arp, Table).Add(new AddChain("pre", tied with { Hook = NftHook.Prerouting }))));
    }

    [Fact]
    public void A_chain_of_single_interfaces_reads_back()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var ingress = new NftBaseChain(NftChainType.Filter, NftHook.Ingress, -5) { Devices = ["lo"] };
        NftTransaction netdev = new(NftFamily.Netdev, Table);

        socket.Commit(netdev.Add(new AddTable()).Add(new AddChain("in", ingress)).Add(new AddChain("out", ingress with { Hook = NftHook.Egress })));

        Assert.Equal([new NftChainEntry("in", ingress, null), new NftChainEntry("out", ingress with { Hook = NftHook.Egress }, null)], socket.Chains(NftFamily.Netdev, Table));
    }

    [Fact]
    public void Objects_and_elements_count_and_end()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        NftObject[] objects = [new NftCounter("hits") { Counts = new(1, 2), Comment = "c" }, new NftQuota("month", 1 << 20, IsOver: true), new NftLimit("slow", new(5, 60, 7))];
        var timed = new NftSet("timed", [NftType.InetService]) { HasTimeouts = true, HasCounters = true, GcInterval = TimeSpan.FromSeconds(20) };
        var byObject = new NftSet("by-object", [NftType.InetService]) { ObjectKind = "counter" };
        var element = new NftElement([80]) { Timeout = TimeSpan.FromHours(1), TimeLeft = TimeSpan.FromMinutes(30), Counts = new(3, 4) };

        socket.Commit(New().Add(new AddTable()).AddRange(objects.Select(o => new AddObject(o)))
            .Add(new AddSet(timed)).Add(new AddSet(byObject))
            .Add(new AddElements(timed, element)).Add(new AddElements(byObject, new NftElement([80]) { Object = "hits" })));

        Assert.Equal(objects, socket.Objects(Ip, Table).OrderBy(o => o.Kind, StringComparer.Ordinal).ThenBy(o => o.Name).Select(o => o).OrderBy(o => Array.FindIndex(objects, x => x.Name == o.Name)));
        Assert.Equal([byObject, timed], socket.Sets(Ip, Table).OrderBy(s => s.Name, StringComparer.Ordinal));
        var read = Assert.Single(socket.Elements(Ip, Table, timed));
        Assert.Equal(element, read);
        Assert.Equal(new NftCounts(3, 4), read.Counts);
        Assert.InRange(read.TimeLeft!.Value, TimeSpan.FromMinutes(29), TimeSpan.FromMinutes(30));
        Assert.Equal("hits", Assert.Single(socket.Elements(Ip, Table, byObject)).Object);
    }

    [Fact]
    public void A_flowtable_is_made_or_the_kernel_says_that_it_has_none()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var flowtable = new NftFlowtable("fast", 0, ["lo"]);
        socket.Commit(New().Add(new AddTable()));
        try
        {
            socket.Commit(New().Add(new AddFlowtable(flowtable)));
            Assert.Equal([flowtable], socket.Flowtables(Ip, Table));
            socket.Commit(New().Add(new DeleteFlowtable("fast")));
        }
        catch (LinuxException e)
        {
            Assert.True(e.IsNotSupported || e.IsNotFound, e.Message);
            Assert.Contains("add flowtable ip fairlead-test fast", e.Message, StringComparison.Ordinal);
        }

        Assert.Empty(socket.Flowtables(Ip, Table));
    }

    [Fact]
    public void A_refusal_names_the_one_element_of_thousands_and_the_operation_of_several()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var map = s_addresses with { Name = "map", Data = [NftType.InetService] };
        var all = Enumerable.Range(0, 20_000).Select(i => new NftElement([Address(i)]) { Data = [80] }).ToArray();
        socket.Commit(New().Add(new AddTable()).Add(new AddSet(map)).Add(new AddElements(map, new NftElement([Address(15_000)]) { Data = [81] })));

        var refusal = Assert.Throws<LinuxException>(() => socket.Commit(New()
            .Add(new AddChain("c"))
            .Add(new AddElements(map, (IReadOnlyList<NftElement>)all))
            .Add(new AddChain("d"))));

        Assert.True(refusal.IsExists);
        Assert.Equal("add element ip fairlead-test map { 10.0.58.152 : 80 } (operation 2 of 3)", refusal.Operation);
        Assert.Empty(socket.Chains(Ip, Table));
        refusal = Assert.Throws<LinuxException>(() => socket.Commit(New().Add(new AddRule("nowhere", Act.Accept))));
        Assert.Equal("add rule ip fairlead-test nowhere accept", refusal.Operation);
    }

    [Fact]
    public void A_refusal_names_the_attribute()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        string? Refused(NftOperation operation) => Assert.Throws<LinuxException>(() => socket.Commit(New().Add(operation))).Attribute;

        Assert.Equal("NFTA_CHAIN_TABLE", Refused(new AddChain("c")));
        socket.Commit(New().Add(new AddTable()).Add(new AddChain("c")).Add(new AddSet(s_addresses)).Add(new AddElements(s_addresses, new NftElement([Address(1)]))));
        Assert.Equal("NFTA_RULE_CHAIN", Refused(new AddRule("nowhere", Act.Accept)));
        Assert.Equal("NFTA_SET_ELEM_LIST_SET", Refused(new AddElements(s_addresses with { Name = "nowhere" }, new NftElement([Address(1)]))));
        Assert.Equal("NFTA_LIST_ELEM", Refused(new DeleteElements(s_addresses, new NftElement([Address(2)]))));
    }

    [Fact]
    public void A_hundred_thousand_elements_are_one_transaction()
    {
        using var socket = NftablesSocket.Open(namespaces.New());
        var elements = Enumerable.Range(0, 100_000).Select(i => new NftElement([Address(i)])).ToArray();

        socket.Commit(New().Add(new AddTable()).Add(new AddSet(s_addresses)).Add(new AddElements(s_addresses, (IReadOnlyList<NftElement>)elements)));

        Assert.Equal(elements, socket.Elements(Ip, Table, s_addresses));
        Assert.Equal(1u, socket.Ruleset().Generation - 1);
        socket.Commit(New().Add(new DeleteElements(s_addresses, (IReadOnlyList<NftElement>)elements)));
        Assert.Empty(socket.Elements(Ip, Table, s_addresses));
    }

    [Fact]
    public async Task A_list_read_while_others_change_is_of_one_moment()
    {
        var network = namespaces.New();
        using var socket = NftablesSocket.Open(network);
        using var stop = new CancellationTokenSource();
        socket.Commit(New().Add(new AddTable()).Add(new AddSet(s_addresses)).Add(new AddElements(s_addresses, [.. Enumerable.Range(0, 3_000).Select(i => new NftElement([Address(i)]))])));

        // One element goes and another comes, in one transaction: there are always as many.
        var changes = Task.Run(() =>
        {
            using var other = NftablesSocket.Open(network);
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                other.Commit(New()
                    .Add(new DeleteElements(s_addresses, new NftElement([Address(i)])))
                    .Add(new AddElements(s_addresses, new NftElement([Address(i + 3_000)]))));
                Thread.SpinWait(2_000_000);
            }
        }, TestContext.Current.CancellationToken);
        try
        {
            for (var i = 0; i < 20; i++)
            {
                var elements = socket.Elements(Ip, Table, s_addresses);
                Assert.Equal(3_000, elements.Count);
                Assert.Equal(3_000, elements.Distinct().Count());
            }
        }
        finally
        {
            await stop.CancelAsync();
            await changes;
        }
    }

    [Fact]
    public async Task Changes_are_heard_and_lost_ones_are_told_of()
    {
        var ct = TestContext.Current.CancellationToken;
        var network = namespaces.New();
        using var socket = NftablesSocket.Open(network);
        await using var changes = NftablesMonitor.Open(network, receiveBuffer: 4096).ReadAllAsync(ct).GetAsyncEnumerator(ct);
        socket.Commit(New().Add(new AddTable()).Add(new AddSet(s_addresses)));
        Assert.True(await changes.MoveNextAsync());
        Assert.Equal(new NftChange(Ip, Table, socket.PortId), changes.Current);

        for (var i = 0; i < 200; i++)
        {
            socket.Commit(New().Add(new AddElements(s_addresses, new NftElement([Address(i)]))));
        }

        while (await changes.MoveNextAsync() && !changes.Current.IsResynchronise)
        {
            Assert.Equal(Table, changes.Current.Table);
        }

        socket.Commit(new NftTransaction(NftFamily.Ip6, "later").Add(new AddTable()));
        while (await changes.MoveNextAsync() && changes.Current.Table != "later")
        {
            Assert.Equal(Ip, changes.Current.Family);
        }

        Assert.Equal(NftFamily.Ip6, changes.Current.Family);
    }

    private static NftTransaction New() => new(Ip, Table);

    private static IPAddress Address(int i) => new([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]);
}
