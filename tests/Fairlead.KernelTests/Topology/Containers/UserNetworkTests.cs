using System.Net;
using System.Net.Sockets;
using Fairlead.Dns;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Topology.Containers;
using static Fairlead.KernelTests.Topology.Containers.ContainerMachine;

namespace Fairlead.KernelTests.Topology.Containers;

/// <summary>Networks that people create: names, isolation, ranges, IPv6.</summary>
public sealed class UserNetworkTests
{
    [Fact]
    public async Task Members_find_each_other_by_name_host_name_alias_and_address()
    {
        await using var machine = new ContainerMachine();
        await machine.Networks.CreateAsync(new NetworkOptions("shop"), Ct);
        var db = await machine.StartAsync(machine.Options("db", "sleep", "1000") with { Network = "shop", HostName = "database", Aliases = ["sql", "store"] });
        var web = await machine.SleepAsync("web", "shop");
        using var inside = Inside(web);

        foreach (var name in (ReadOnlySpan<string>)[db.Record.Name, "database", "SQL", "store", db.Record.Id[..12]])
        {
            Assert.Equal(AddressOf(db).ToString(), Resolve(inside, name));
        }

        Assert.Contains($"{db.Record.Name}.", inside.Sh($"dig +short +time=2 +tries=1 -x {AddressOf(db)} @127.0.0.11"), StringComparison.Ordinal);
        Assert.Equal(AddressOf(db).ToString(), inside.Sh($"dig +tcp +short +time=2 +tries=1 database @127.0.0.11").Trim());
        Assert.True(Pings(inside, AddressOf(db)));
        Assert.Contains("nameserver 127.0.0.11", File.ReadAllText(Path.Combine(machine.Surroundings.StateFolder, "containers", web.Record.Id, "resolv.conf")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_in_a_container_resolves_by_the_C_library_and_port_53_stays_its_own()
    {
        await using var machine = new ContainerMachine();
        await machine.Networks.CreateAsync(new NetworkOptions("shop"), Ct);
        var db = await machine.SleepAsync("db", "shop");

        var (_, output) = await machine.RunAsync(machine.Options("one", "getent", "ahostsv4", db.Record.Name) with { Network = "shop" });

        Assert.StartsWith(AddressOf(db).ToString(), output, StringComparison.Ordinal);
        using var inside = Inside(db);
        using var own = Listen(inside, 53);
    }

    [Fact]
    public async Task Who_comes_is_found_and_who_goes_is_not_found_any_more()
    {
        await using var machine = new ContainerMachine();
        await machine.Networks.CreateAsync(new NetworkOptions("shop"), Ct);
        var web = await machine.SleepAsync("web", "shop");
        using var inside = Inside(web);

        var late = await machine.SleepAsync("late", "shop");
        await UntilAsync(() => Resolve(inside, late.Record.Name) == AddressOf(late).ToString());
        await machine.Engine.RemoveAsync(late.Record.Name, force: true, Ct);
        await UntilAsync(() => Resolve(inside, late.Record.Name).Length == 0);
    }

    [Fact]
    public async Task What_is_no_members_name_is_asked_of_the_hosts_resolver_from_the_host()
    {
        await using var machine = new ContainerMachine();
        // The resolver asks from where its process is, which in this test is not the host's namespace but the machine's; its loopback will do.
        var address = $"127.77.{Environment.ProcessId / 250 % 250}.{(Environment.ProcessId % 250) + 1}";
        using var stop = new CancellationTokenSource();
        var ready = new TaskCompletionSource();
        var upstream = DnsRole.RunAsync(
            new DnsOptions
            {
                Conf = "upstream", ConfText = $".:53 {{\n    bind {address}\n    hosts {{\n        203.0.113.7 far.example.org\n    }}\n}}\n", Quiet = true,
                Started = _ => ready.SetResult(),
            },
            stop.Token);
        await ready.Task.WaitAsync(Ct);
        await File.WriteAllTextAsync(Path.Combine(machine.Folder, "resolv.conf"), $"nameserver {address}\n", Ct);
        await machine.Networks.CreateAsync(new NetworkOptions("shop"), Ct);
        await machine.Networks.CreateAsync(new NetworkOptions("back") { Internal = true }, Ct);
        using var shop = Inside(await machine.SleepAsync("shop", "shop"));
        using var back = Inside(await machine.SleepAsync("back", "back"));
        using var plain = Inside(await machine.SleepAsync("plain"));

        Assert.Equal("203.0.113.7", Resolve(shop, "far.example.org"));
        Assert.Equal("203.0.113.7", Resolve(plain, "far.example.org"));
        Assert.Equal("", Resolve(back, "far.example.org"));
        Assert.Equal("", Resolve(plain, "shop"));
        await stop.CancelAsync();
        await upstream;
    }

    [Fact]
    public async Task Networks_do_not_reach_each_other_but_by_a_published_port()
    {
        await using var machine = new ContainerMachine();
        await machine.Networks.CreateAsync(new NetworkOptions("red"), Ct);
        await machine.Networks.CreateAsync(new NetworkOptions("blue"), Ct);
        var red = await machine.SleepAsync("red", "red", "8080:80");
        var blue = await machine.SleepAsync("blue", "blue");
        var plain = await machine.SleepAsync("plain");
        using var inRed = Inside(red);
        using var inBlue = Inside(blue);
        using var inPlain = Inside(plain);
        using var serving = Listen(inRed, 80);

        Assert.False(Pings(inBlue, AddressOf(red)));
        Assert.False(Pings(inRed, AddressOf(blue)));
        Assert.False(Pings(inPlain, AddressOf(red)));
        Assert.Null(await AskAsync(inBlue, AddressOf(red), 80, milliseconds: 300));
        Assert.True(Pings(inBlue, OutsideAddress));
        Assert.NotNull(await AskAsync(inBlue, HostAddress, 8080));
        Assert.Equal("", Resolve(inBlue, red.Record.Name));
    }

    [Fact]
    public async Task Nothing_leaves_an_internal_network_or_gets_in()
    {
        await using var machine = new ContainerMachine();
        await machine.Networks.CreateAsync(new NetworkOptions("back") { Internal = true }, Ct);
        await machine.Networks.CreateAsync(new NetworkOptions("front"), Ct);
        var one = await machine.SleepAsync("one", "back");
        var two = await machine.SleepAsync("two", "back");
        using var first = Inside(one);
        using var front = Inside(await machine.SleepAsync("front", "front"));
        first.Sh($"ip route add default via {machine.Networks.Get("back").Subnets[0].Gateway}");

        Assert.True(Pings(first, AddressOf(two)));
        Assert.False(Pings(first, OutsideAddress));
        Assert.False(Pings(front, AddressOf(one)));
        Assert.DoesNotContain("masquerade comment \"back: outwards", machine.Host.Sh("nft list table inet fairlead-run"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_IPv6_members_have_both_and_ports_are_published_for_both()
    {
        await using var machine = new ContainerMachine();
        var network = await machine.Networks.CreateAsync(
            new NetworkOptions("six") { IPv6 = true, Subnets = [IPNetwork.Parse("fd00:1234::/64")], Gateways = [IPAddress.Parse("fd00:1234::ff")] }, Ct);
        var one = await machine.SleepAsync("one", "six", "8080:80", "[::1]:8081:81");
        var two = await machine.SleepAsync("two", "six");
        using var first = Inside(one);
        using var second = Inside(two);
        using var serving = Listen(first, 80, AddressFamily.InterNetworkV6);
        using var local = Listen(first, 81, AddressFamily.InterNetworkV6);
        var v6 = AddressOf(one, AddressFamily.InterNetworkV6);

        Assert.Equal("fd00:1234::1", v6.ToString());
        Assert.True(Pings(second, v6));
        Assert.True(Pings(second, OutsideAddress6));
        Assert.Equal("fd00:1234::2", await AskAsync(second, v6, 80));
        Assert.Equal("2001:db8::2", await AskAsync(machine.Outside, HostAddress6, 8080));
        Assert.Equal("fd00:1234::ff", await AskAsync(machine.Host, IPAddress.IPv6Loopback, 8080));
        Assert.Equal("fd00:1234::ff", await AskAsync(machine.Host, IPAddress.IPv6Loopback, 8081));
        Assert.Null(await AskAsync(machine.Outside, HostAddress6, 8081, milliseconds: 300));
        Assert.Equal(v6.ToString(), second.Sh($"dig +short +time=2 +tries=1 AAAA {one.Record.Name} @127.0.0.11").Trim());
        using (Listen(machine.Outside, 90, AddressFamily.InterNetworkV6))
        {
            Assert.Equal("2001:db8::1", await AskAsync(second, OutsideAddress6, 90));
        }

        Assert.Equal("1", Sysctl.Read("net/ipv6/conf/all/forwarding", machine.Host));
        await machine.Engine.RemoveAsync(one.Record.Name, force: true, Ct);
        await machine.Engine.RemoveAsync(two.Record.Name, force: true, Ct);
        await machine.Networks.RemoveAsync(network.Name, Ct);
        Assert.Equal("0", Sysctl.Read("net/ipv6/conf/all/forwarding", machine.Host));
    }

    [Fact]
    public async Task A_network_in_use_is_not_removed_and_says_by_whom()
    {
        await using var machine = new ContainerMachine();
        await machine.Networks.CreateAsync(new NetworkOptions("shop"), Ct);
        var web = await machine.SleepAsync("web", "shop");

        var refused = await Assert.ThrowsAsync<ContainerException>(() => machine.Networks.RemoveAsync("shop", Ct));
        await machine.Engine.StopAsync(web.Record.Name, TimeSpan.Zero, Ct);
        await machine.Networks.RemoveAsync("shop", Ct);

        Assert.Contains(web.Record.Name, refused.Message, StringComparison.Ordinal);
        Assert.Equal(" forward=0", " " + machine.Left().Trim());
    }

    [Fact]
    public async Task What_cannot_be_a_network_is_refused_before_anything_changes()
    {
        await using var machine = new ContainerMachine();
        await machine.Networks.CreateAsync(new NetworkOptions("shop") { Subnets = [IPNetwork.Parse("10.88.0.0/24")] }, Ct);
        machine.Host.Sh("ip route add 10.99.0.0/16 via 198.51.100.2");
        var before = machine.Left();

        await RefusedAsync("there is a network 'shop' already", new NetworkOptions("shop"));
        await RefusedAsync("overlaps network 'shop' (10.88.0.0/24)", new NetworkOptions("two") { Subnets = [IPNetwork.Parse("10.88.0.128/25")] });
        await RefusedAsync("overlaps the route to 10.99.0.0/16", new NetworkOptions("two") { Subnets = [IPNetwork.Parse("10.99.7.0/24")] });
        await RefusedAsync("overlaps the address 198.51.100.1/24 on eth0", new NetworkOptions("two") { Subnets = [IPNetwork.Parse("198.51.100.0/25")] });
        await RefusedAsync("is always there", new NetworkOptions("host"));
        await RefusedAsync("use 2 to 63 letters", new NetworkOptions("a/b"));
        await RefusedAsync("without --ipv6", new NetworkOptions("two") { Subnets = [IPNetwork.Parse("fd00::/64")] });
        await RefusedAsync("more than once for a family", new NetworkOptions("two") { Subnets = [IPNetwork.Parse("10.1.0.0/24"), IPNetwork.Parse("10.2.0.0/24")] });
        Assert.Contains("there is no network 'nowhere'", (await Assert.ThrowsAsync<ContainerException>(() => machine.SleepAsync("one", "nowhere"))).Message, StringComparison.Ordinal);
        Assert.Contains("there is no network 'nowhere'", (await Assert.ThrowsAsync<ContainerException>(() => machine.Networks.RemoveAsync("nowhere", Ct))).Message, StringComparison.Ordinal);
        Assert.Equal(before, machine.Left());

        async Task RefusedAsync(string because, NetworkOptions options)
            => Assert.Contains(because, (await Assert.ThrowsAsync<ContainerException>(() => machine.Networks.CreateAsync(options, Ct))).Message, StringComparison.Ordinal);
    }

    private static string Resolve(NetworkNamespace inside, string name) => inside.Sh($"dig +short +time=1 +tries=1 {name} @127.0.0.11 2>&1 | grep -v '^;' || true").Trim();

    private static async Task UntilAsync(Func<bool> holds)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!holds())
        {
            await timer.WaitForNextTickAsync(limit.Token);
        }
    }
}
