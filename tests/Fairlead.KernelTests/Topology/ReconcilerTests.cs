using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Topology;
using Fairlead.Topology.State;

namespace Fairlead.KernelTests.Topology;

/// <summary>What apply and delete do where things are not as expected: drift, strangers, refusals, changes of the file.</summary>
public sealed class ReconcilerTests : IDisposable
{
    private readonly Machine _machine = new();

    public static TheoryData<string, string, string> Drifts => new()
    {
        { "a link set down", "ip -n {blue} link set veth-blue down", "~ blue:veth-blue down → up\n+ blue: route default via 192.168.15.5\n" },
        { "an address removed", "ip -n {blue} addr del 192.168.15.2/24 dev veth-blue", "+ blue:veth-blue 192.168.15.2/24\n+ blue: route default via 192.168.15.5\n" },
        { "an address added", "ip -n {blue} addr add 10.1.1.1/24 dev veth-blue", "- blue:veth-blue 10.1.1.1/24\n" },
        { "a route removed", "ip -n {blue} route del default", "+ blue: route default via 192.168.15.5\n" },
        { "a route added", "ip -n {blue} route add 10.0.0.0/8 via 192.168.15.9", "- blue: route 10.0.0.0/8 via 192.168.15.9\n" },
        { "a route led elsewhere", "ip -n {blue} route replace default via 192.168.15.9", "- blue: route default via 192.168.15.9\n+ blue: route default via 192.168.15.5\n" },
        { "another MTU", "ip -n {blue} link set veth-blue mtu 1400", "~ blue:veth-blue MTU 1400 → 1500\n" },
        { "unplugged from the switch", "ip link set veth-blue-br nomaster", "~ machine:veth-blue-br switch none → v-net-0\n" },
        { "forwarding off", "sysctl -qw net.ipv4.ip_forward=0", "~ machine: forwarding 0 → 1\n" },
        { "a cable cut", "ip link del veth-blue-br", "+ link machine:veth-blue-br in v-net-0 to blue:veth-blue\n+ blue:veth-blue 192.168.15.2/24\n+ blue: route default via 192.168.15.5\n" },
        { "rules flushed", "nft flush table inet fairlead-net-gateway", "~ machine: table fairlead-net-gateway, changed by hand\n" },
        { "a rule made to do something else", "{ echo delete table inet fairlead-net-gateway; nft list table inet fairlead-net-gateway | sed 's/dnat ip to 192.168.15.2/dnat ip to 192.168.15.9/'; } | nft -f -", "~ machine: table fairlead-net-gateway, changed by hand\n" },
        { "the table removed", "nft delete table inet fairlead-net-gateway", "+ machine: masquerade from 192.168.15.0/24\n+ machine: portForward tcp 80 to 192.168.15.2:80 (net /24)\n" },
        { "a namespace removed", "ip netns del {lan}", "- link machine:uplink\n+ host lan\n+ link machine:uplink to lan:eth0\n+ machine:uplink 192.168.1.2/24\n+ lan:eth0 192.168.1.3/24\n" },
    };

    [Theory, MemberData(nameof(Drifts))]
    public void Drift_is_seen_and_mended(string because, string change, string expected)
    {
        var topology = _machine.Parse(Machine.Example("port-forward"));
        _machine.Apply(topology);
        var before = WithoutNumbers(_machine.Look());
        _machine.Network.Sh(change.Replace("{blue}", _machine.SpaceOf("blue"), StringComparison.Ordinal).Replace("{lan}", _machine.SpaceOf("lan"), StringComparison.Ordinal));

        var plan = WithoutNamespaces(_machine.Plan(topology).ToString());
        if (because is "a namespace removed")
        {
            // The kernel takes the cable away a moment later, or has done so already.
            plan = $"- link machine:uplink\n{plan.Replace("- link machine:uplink\n", "", StringComparison.Ordinal)}";
        }

        Assert.Equal(expected, plan);
        _machine.Apply(topology);
        Assert.Equal("", _machine.Plan(topology).ToString());
        Assert.Equal(before, WithoutNumbers(_machine.Look()));
    }

    [Fact]
    public void A_namespace_of_a_stranger_is_neither_adopted_nor_deleted()
    {
        _machine.Network.Sh($"ip netns add {_machine.SpaceOf("blue")}");
        var topology = _machine.Parse(Machine.Example("gateway"));

        var refused = Assert.Throws<TopologyException>(() => _machine.Apply(topology));

        Assert.Contains("is there already and is not Fairlead's", refused.Message, StringComparison.Ordinal);
        Assert.Equal(["blue"], _machine.Namespaces);
        _ = _machine.Network.Run(() => new TopologyReconciler(_machine.Store).Delete(topology));
        Assert.Equal(["blue"], _machine.Namespaces);
    }

    [Theory]
    [InlineData("ip link add v-net-0 type bridge", "machine:v-net-0: the name is taken by a bridge that is not Fairlead's")]
    [InlineData("ip link add uplink type veth peer name other", "machine:uplink: the name is taken by a veth that is not Fairlead's")]
    [InlineData("ip link add eth9 type bridge; ip addr add 192.168.15.77/16 dev eth9", "machine:v-net-0: 192.168.15.0/24 overlaps 192.168.0.0/16 of eth9")]
    [InlineData("nft add table inet fairlead-net-gateway", "there is a table inet fairlead-net-gateway that is not this topology's")]
    public void What_a_stranger_has_is_an_error_before_anything_changes(string stranger, string expected)
    {
        _machine.Network.Sh(stranger);
        var before = _machine.Look();

        var refused = Assert.Throws<TopologyException>(() => _machine.Apply(Machine.Example("gateway")));

        Assert.Contains(expected, refused.Message, StringComparison.Ordinal);
        Assert.False(refused.IsInvalid);
        Assert.Equal(before, _machine.Look());
        Assert.Empty(_machine.Store.Names());
    }

    [Fact]
    public void Two_topologies_do_not_touch_each_other()
    {
        _machine.Apply(Machine.Example("gateway"));
        var refused = Assert.Throws<TopologyException>(() => _machine.Apply(Machine.Example("bridge")));
        Assert.Contains("a link of the topology gateway", refused.Message, StringComparison.Ordinal);
        _machine.Apply(Machine.Example("red-and-blue").Replace("name: blue", "name: violet", StringComparison.Ordinal).Replace("host: blue", "host: violet", StringComparison.Ordinal));

        _ = _machine.Delete("gateway");

        Assert.Equal(["red", "violet"], _machine.Namespaces);
    }

    [Fact]
    public void A_step_that_the_kernel_refuses_undoes_all_that_was_made()
    {
        var before = _machine.Look();

        // Names and addresses are fine, but no cable carries so much: the kernel refuses it, after the hosts and the switch were made.
        var failure = Assert.ThrowsAny<IOException>(() => _machine.Apply(Machine.Example("gateway").Replace("switches:", "switches:\n  - {name: lone, vlanFiltering: true, mtu: 65535}", StringComparison.Ordinal)
            .Replace("links:", "links:\n  - {mtu: 65535, ends: [{host: lan, interface: huge}, {switch: lone}]}", StringComparison.Ordinal)));

        Assert.NotEmpty(failure.Message);
        Assert.Equal(before, _machine.Look());
        Assert.Empty(_machine.Namespaces);
        Assert.Empty(_machine.Store.Names());
    }

    [Fact]
    public void A_stranger_that_comes_at_the_last_moment_undoes_a_change_of_what_was_there()
    {
        var topology = _machine.Parse(Machine.Example("gateway"));
        _machine.Apply(topology);
        var before = WithoutNumbers(_machine.Look());
        var changed = _machine.Parse(Machine.Example("port-forward")
            .Replace("192.168.1.2/24", "192.168.1.77/24", StringComparison.Ordinal)
            .Replace("  - name: lan\n", "  - name: lan\n  - name: late\n", StringComparison.Ordinal)
            + "  - ends: [{host: late, interface: eth0, addresses: [192.168.15.9/24]}, {switch: v-net-0, interface: late-br}]\n");

        // Its namespace is made when the plan is made already; then a stranger takes the name of the cable's end.
        var failure = Assert.ThrowsAny<IOException>(() => _machine.Network.Run(() => new TopologyReconciler(_machine.Store, progress =>
        {
            if (progress.StartsWith("hosts 1/1", StringComparison.Ordinal))
            {
                _machine.Network.Sh("ip link add late-br type bridge");
            }
        }).Apply(changed)));

        Assert.Contains("late-br", failure.Message, StringComparison.Ordinal);
        _machine.Network.Sh("ip link show late-br; ip link del late-br");
        Assert.Equal(before, WithoutNumbers(_machine.Look()));
        Assert.Equal("", _machine.Plan(topology).ToString());
    }

    [Fact]
    public void Forwarding_of_the_machine_is_put_back_when_the_last_who_needs_it_is_gone()
    {
        const string Second = """
            apiVersion: fairlead.dev/v1
            kind: Topology
            metadata: {name: second}
            hosts: [{name: machine, forwarding: true}]
            """;
        _machine.Apply(Machine.Example("gateway"));
        _machine.Apply(Second);

        _ = _machine.Delete("gateway");
        Assert.Equal("1", Sysctl.Read("net/ipv4/ip_forward", _machine.Network));
        _ = _machine.Delete("second");

        Assert.Equal("0", Sysctl.Read("net/ipv4/ip_forward", _machine.Network));
    }

    [Fact]
    public void A_setting_no_longer_asked_for_is_put_back()
    {
        _machine.Apply(Machine.Example("gateway"));

        _machine.Apply(Machine.Example("gateway").Replace("    forwarding: true\n    masquerade:\n      - {from: 192.168.15.0/24}\n", "", StringComparison.Ordinal));

        Assert.Equal("0", Sysctl.Read("net/ipv4/ip_forward", _machine.Network));
        Assert.DoesNotContain("fairlead-net", _machine.Network.Sh("nft list tables"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_cable_that_leads_elsewhere_in_the_new_file_is_a_new_cable()
    {
        string Pairs(string b, string d) => $$"""
            apiVersion: fairlead.dev/v1
            kind: Topology
            metadata: {name: pairs}
            hosts: [{name: a}, {name: b}, {name: c}, {name: d}]
            links:
              - ends: [{host: a, interface: eth0, addresses: [10.0.0.1/24]}, {host: {{b}}, interface: eth0, addresses: [10.0.0.2/24]}]
              - ends: [{host: c, interface: eth0, addresses: [10.0.1.1/24]}, {host: {{d}}, interface: eth0, addresses: [10.0.1.2/24]}]
            """;
        _machine.Apply(Pairs("b", "d"));

        _machine.Apply(Pairs("d", "b"));

        Assert.Equal("", _machine.Plan(_machine.Parse(Pairs("d", "b"))).ToString());
        _machine.Sh("a", "ip neigh flush all; ip route get 10.0.0.2");
        Assert.Contains("10.0.0.2", _machine.Sh("d", "ip addr"), StringComparison.Ordinal);
    }

    [Fact]
    public void Hosts_links_and_switches_that_leave_the_file_leave_the_machine()
    {
        _machine.Apply(Machine.Example("bridge-host"));

        var plan = _machine.Apply("""
            apiVersion: fairlead.dev/v1
            kind: Topology
            metadata: {name: bridge}
            hosts: [{name: red}]
            """);

        Assert.EndsWith("- host blue\n- host green\n- host yellow\n", WithoutNamespaces(plan.ToString()), StringComparison.Ordinal);
        Assert.Equal(["red"], _machine.Namespaces);
        Assert.DoesNotContain("v-net-0", _machine.Network.Sh("ip link"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_empty_file_of_a_removal_that_was_killed_goes_with_the_next_apply()
    {
        _machine.Apply(Machine.Example("bridge-host"));
        var file = Path.Combine(NetworkNamespace.Root, _machine.SpaceOf("blue"));
        _ = NetworkNamespace.Delete(_machine.SpaceOf("blue"));
        File.Create(file).Dispose();

        _machine.Apply("""
            apiVersion: fairlead.dev/v1
            kind: Topology
            metadata: {name: bridge}
            hosts: [{name: red}]
            """);

        Assert.False(File.Exists(file));
        Assert.Equal(["red"], _machine.Namespaces);
    }

    [Fact]
    public void A_host_that_moves_to_another_namespace_leaves_nothing_in_the_old_one_even_where_the_move_fails()
    {
        var topology = _machine.Parse(Machine.Example("red-and-blue"));
        var moved = topology with { Hosts = [.. topology.Hosts.Select(h => h.Name == "red" ? h with { Namespace = _machine.SpaceOf("crimson") } : h)] };
        _machine.Apply(topology);
        _machine.Network.Sh($"ip netns add {_machine.SpaceOf("crimson")}");
        Assert.Throws<TopologyException>(() => _machine.Apply(moved));
        _machine.Network.Sh($"ip netns del {_machine.SpaceOf("crimson")}");

        _machine.Apply(moved);

        Assert.Equal(["blue", "crimson"], _machine.Namespaces);
        Assert.Equal("", _machine.Plan(moved).ToString());
        _ = _machine.Delete("red-and-blue");
        Assert.Empty(_machine.Namespaces);
    }

    [Fact]
    public void Without_its_record_a_topology_is_found_by_its_marks()
    {
        _machine.Apply(Machine.Example("gateway"));
        Directory.Delete(_machine.Store.Folder, recursive: true);

        _ = _machine.Delete("gateway");

        Assert.Empty(_machine.Namespaces);
        Assert.DoesNotContain("v-net-0", _machine.Network.Sh("ip link"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_persist_writes_brings_it_back_and_goes_with_it()
    {
        var yaml = Machine.Example("gateway");
        var root = Path.Combine(_machine.Folder, "root");
        var persist = new PersistOptions(true, yaml, "/usr/bin/fairlead", "/root/.local/state") { Root = root };

        var plan = _machine.Apply(yaml, persist).ToString();

        Assert.Contains($"+ file {root}/etc/systemd/system/fairlead-net-gateway.service\n", plan, StringComparison.Ordinal);
        Assert.Contains("net.ipv4.ip_forward = 1\n", File.ReadAllText($"{root}/etc/sysctl.d/90-fairlead-net-gateway.conf"), StringComparison.Ordinal);
        var unit = File.ReadAllText($"{root}/etc/systemd/system/multi-user.target.wants/fairlead-net-gateway.service");
        Assert.Contains($"ExecStart=\"/usr/bin/fairlead\" net apply -f \"{root}/etc/fairlead/net/gateway.yaml\"\n", unit, StringComparison.Ordinal);
        var copy = File.ReadAllText($"{root}/etc/fairlead/net/gateway.yaml");
        Assert.Equal("", _machine.Apply(copy, persist with { IsAsked = false, Yaml = copy }).ToString());
        _ = _machine.Delete("gateway");
        Assert.Empty(Directory.GetFiles(root, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void A_file_of_a_stranger_in_the_place_of_ours_is_an_error()
    {
        var root = Path.Combine(_machine.Folder, "root");
        _ = Directory.CreateDirectory($"{root}/etc/sysctl.d");
        File.WriteAllText($"{root}/etc/sysctl.d/90-fairlead-net-gateway.conf", "net.ipv4.ip_forward = 0\n");
        var yaml = Machine.Example("gateway");

        var refused = Assert.Throws<TopologyException>(() => _machine.Apply(yaml, new PersistOptions(true, yaml, "/usr/bin/fairlead", "/s") { Root = root }));

        Assert.Contains("there is a file that is not Fairlead's", refused.Message, StringComparison.Ordinal);
        Assert.Empty(_machine.Namespaces);
    }

    [Fact]
    public void A_switch_with_spanning_tree_has_it_and_one_without_has_it_not()
    {
        var yaml = Machine.Example("switch");
        _machine.Apply(yaml.Replace("name: v-net-0", "name: v-net-0\n    stp: true", StringComparison.Ordinal));
        Assert.Contains("stp_state 1", _machine.Network.Sh("ip -d link show v-net-0"), StringComparison.Ordinal);

        Assert.Equal("~ machine:v-net-0 stp on → off\n", _machine.Apply(yaml).ToString());

        Assert.Contains("stp_state 0", _machine.Network.Sh("ip -d link show v-net-0"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_thousand_hosts_on_one_switch()
    {
        const int Hosts = 1000;
        var yaml = $"""
            apiVersion: fairlead.dev/v1
            kind: Topology
            metadata: {"{name: thousand}"}
            hosts:
            {string.Join('\n', Enumerable.Range(0, Hosts).Select(i => $"  - {{name: h{i}, gateways: [10.50.0.1]}}"))}
            switches:
              - {"{name: big, addresses: [10.50.0.1/16]}"}
            links:
            {string.Join('\n', Enumerable.Range(0, Hosts).Select(i => $"  - ends: [{{host: h{i}, interface: eth0, addresses: [10.50.{1 + (i / 200)}.{1 + (i % 200)}/16]}}, {{switch: big}}]"))}
            """;
        var topology = _machine.Parse(yaml);

        Assert.Equal((4 * Hosts) + 2, _machine.Apply(topology).Steps.Length);
        Assert.True(_machine.Plan(topology).IsEmpty);
        Assert.Equal(Hosts + 2, _machine.Network.Run(() => Fairlead.Topology.Views.HostViewReader.Read("machine", null)).Interfaces.Length);
        _ = _machine.Delete("thousand");

        Assert.Empty(_machine.Namespaces);
        Assert.Equal(1, _machine.Network.Sh("ip -o link").Count(c => c == '\n'));
    }

    public void Dispose() => _machine.Dispose();

    private static string WithoutNamespaces(string plan)
        => System.Text.RegularExpressions.Regex.Replace(plan, @" \(namespace [^)]*\)", "", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));

    /// <summary>Without MAC addresses, numbers of links and what follows from them: a thing made anew has others.</summary>
    private static string WithoutNumbers(string look)
        => string.Join('\n', System.Text.RegularExpressions.Regex.Replace(look, "@if[0-9]+|@[a-z0-9-]+", "", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1))
            .Split('\n').Order(StringComparer.Ordinal));
}
