using System.Collections.Immutable;
using System.Net;
using Fairlead.Agent.Policy;
using Fairlead.Core.Policy;
using Fairlead.Core.Services;
using Fairlead.KernelTests.Policy;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Policy;

public sealed class PolicySourceTests
{
    private readonly PolicySource _source = new("n1");

    [Fact]
    public void Nothing_is_known_until_all_three_kinds_have_been_listed()
    {
        Assert.False(_source.Update(Store.Of(Policy("p")), Store.Of<Pod>(), Store.Empty<Namespace>()).IsKnown);
        Assert.False(_source.Update(Store.Of(Policy("p")), Store.Empty<Pod>(), Store.Of<Namespace>()).IsKnown);
        Assert.False(_source.Update(Store.Empty<NetworkPolicy>(), Store.Of<Pod>(), Store.Of<Namespace>()).IsKnown);

        Assert.True(_source.Update(Store.Of(Policy("p")), Store.Of<Pod>(), Store.Of<Namespace>()).IsKnown);
    }

    [Fact]
    public void Only_pods_of_this_node_with_an_address_of_their_own_are_isolated()
    {
        var host = Pod("host", "10.0.0.1") with { Spec = new() { NodeName = "n1", HostNetwork = true } };
        var done = Pod("done", "10.32.1.9") with { Status = new() { Phase = "Succeeded", PodIP = "10.32.1.9" } };

        var table = Update([Policy("deny")], [Pod("here", "10.32.1.2"), Pod("there", "10.32.2.2", "n2"), Pod("new", ""), host, done]);

        Assert.Equal([new ObjectKey("a", "here")], table.Pods.Select(p => p.Pod));
    }

    [Fact]
    public void A_policy_is_about_both_directions_where_it_says_so_or_has_rules_for_both()
    {
        var pods = new[] { Pod("x", "10.32.1.2") };
        Assert.Equal((1, 0), Count(new() { }));
        Assert.Equal((1, 1), Count(new() { Egress = [new()] }));
        Assert.Equal((0, 1), Count(new() { PolicyTypes = ["Egress"] }));
        Assert.Equal((1, 1), Count(new() { PolicyTypes = ["Egress", "Ingress"] }));

        (int, int) Count(NetworkPolicySpec spec)
        {
            var pod = Assert.Single(new PolicySource("n1").Update(Store.Of(Policy("p", spec)), Store.Of(pods), Store.Of<Namespace>()).Pods);
            return (pod.Ingress.Length, pod.Egress.Length);
        }
    }

    [Theory]
    [InlineData("""{"from":[{"ipBlock":{"cidr":"10.0.0.0/33"}}]}""", "ingress[0].from[0].ipBlock.cidr: 10.0.0.0/33 is no range of addresses such as 10.0.0.0/8; it fits nobody")]
    [InlineData("""{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["ten"]}}]}""", "ingress[0].from[0].ipBlock.except: ten is no range of addresses such as 10.1.0.0/16; the whole block fits nobody")]
    [InlineData("""{"from":[{}]}""", "ingress[0].from[0]: it names neither pods nor namespaces nor an ipBlock, and fits nobody")]
    [InlineData("""{"ports":[{"protocol":"ICMP"}]}""", "ingress[0].ports: protocol ICMP is none of TCP, UDP, SCTP: the port is left out")]
    [InlineData("""{"ports":[{"port":70000}]}""", "ingress[0].ports: port 70000 is not within 1 to 65535, first to last: it is left out")]
    [InlineData("""{"ports":[{"port":90,"endPort":80}]}""", "ingress[0].ports: port 90 to 80 is not within 1 to 65535, first to last: it is left out")]
    public void What_cannot_be_is_told_and_allows_nothing(string rule, string expected)
    {
        var table = Update([Policy("p", new() { Ingress = [KubeJson.Deserialize<NetworkPolicyIngressRule>(rule)] })], [Pod("x", "10.32.1.2")]);

        Assert.Equal(expected, Assert.Single(table.Diagnostics).Message);
        Assert.Empty(Assert.Single(table.Policies).Rules);
        Assert.Single(table.Pods);
    }

    [Fact]
    public void A_heartbeat_makes_no_new_table_and_a_pod_that_matters_keeps_the_other_groups()
    {
        var policies = new[] { Policy("p", new() { Ingress = [new() { From = [Labelled("app", "web")] }, new() { From = [Labelled("app", "db")] }] }) };
        var (web, db, other) = (Pod("web", "10.32.1.2", labels: ("app", "web")), Pod("db", "10.32.1.3", labels: ("app", "db")), Pod("other", "10.32.2.3", "n2"));
        var policyStore = Store.Of(policies);
        var before = _source.Update(policyStore, Store.Of(web, db, other), Store.Of<Namespace>());

        Assert.Same(before, _source.Update(policyStore, Store.Of(web with { Metadata = web.Metadata with { ResourceVersion = "9" } }, db, other), Store.Of<Namespace>()));

        var after = _source.Update(policyStore, Store.Of(web, db, other, Pod("db2", "10.32.2.4", "n2", ("app", "db"))), Store.Of<Namespace>());
        var changed = Assert.Single(after.Groups, g => !g.Value.Equals(before.Groups[g.Key]));
        Assert.Equal(["10.32.1.3", "10.32.2.4"], changed.Value.Select(a => a.ToString()));
    }

    /// <summary>Any history ends in the table that a fresh start makes of its end.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void A_table_that_was_followed_is_the_one_made_afresh(int seed)
    {
        var (generator, random) = (new PolicyGenerator(seed), new Random(seed));
        var policies = new Dictionary<int, NetworkPolicy>();
        var pods = new Dictionary<int, Pod>();
        var spaces = new Dictionary<string, Namespace>();
        for (var step = 0; step < 150; step++)
        {
            switch (random.Next(5))
            {
                case 0:
                    policies[random.Next(8)] = generator.Next();
                    break;
                case 1:
                    policies.Remove(random.Next(8));
                    break;
                case 2:
                    pods.Remove(random.Next(20));
                    break;
                case 3:
                    var ns = generator.Pick("a", "b", "c");
                    spaces[ns] = new() { Metadata = new() { Name = ns, Labels = EquatableMap.Of(("team", generator.Pick("x", "y")), ("kubernetes.io/metadata.name", ns)) } };
                    break;
                default:
                    var n = random.Next(20);
                    pods[n] = Pod($"p{n}", $"10.32.{n % 3}.{random.Next(2, 250)}", generator.Pick("n1", "n2"), ("app", generator.Pick("web", "db", "cache"))) is var pod
                        ? pod with { Metadata = pod.Metadata with { Namespace = generator.Pick("a", "b", "c") } }
                        : null!;
                    break;
            }

            var (policyStore, podStore, spaceStore) = (Store.Of(policies.Values), Store.Of(pods.Values.DistinctBy(p => p.Key)), Store.Of(spaces.Values));
            Assert.Equal(Text(new PolicySource("n1").Update(policyStore, podStore, spaceStore)), Text(_source.Update(policyStore, podStore, spaceStore)));
        }

        static string Text(PolicyTable table) => PolicyRules.Compile(table).ToString();
    }

    [Fact]
    public void A_pod_that_is_plugged_in_is_isolated_before_the_API_has_its_address_and_after_its_object_is_gone()
    {
        var (policies, spaces) = (Store.Of(Policy("deny")), Store.Of<Namespace>());
        var attached = Attached(1, ("new", "10.32.1.7"));
        var pods = Store.Of(Pod("new", ""), Pod("old", "10.32.1.7")); // the address was the old one's until a moment ago

        Assert.Equal(["a/new 10.32.1.7"], Isolated(_source.Update(policies, pods, spaces, attached)));
        Assert.Equal(["a/new 10.32.1.7"], Isolated(_source.Update(policies, Store.Of<Pod>(), spaces, attached)));
        Assert.Empty(Isolated(_source.Update(policies, Store.Of<Pod>(), spaces, AttachedPods.None with { Version = 2 })));

        static AttachedPods Attached(long version, params (string Name, string Address)[] pods)
            => new(version, pods.ToImmutableDictionary(p => new ObjectKey("a", p.Name), p => new AttachedPod("", [new PodAddress(IPAddress.Parse(p.Address))])));

        static IEnumerable<string> Isolated(PolicyTable table) => table.Pods.Select(p => $"{p.Pod} {string.Join(' ', p.Addresses)}");
    }

    [Fact]
    public void Without_the_kernels_log_denials_are_counted_all_the_same()
    {
        var table = Update([Policy("deny")], [Pod("here", "10.32.1.2")]);

        Assert.Contains(" log ", PolicyRules.Compile(table).ToString(), StringComparison.Ordinal);
        var silent = PolicyRules.Compile(table, logs: false).ToString();
        Assert.DoesNotContain(" log ", silent, StringComparison.Ordinal);
        Assert.Contains("counter", silent, StringComparison.Ordinal);
    }

    [Fact]
    public void The_table_in_nftables()
    {
        var table = Update(
            [
                Policy("from-web", new()
                {
                    PodSelector = new() { MatchLabels = EquatableMap.Of(("app", "db")) },
                    Ingress = [new() { From = [Labelled("app", "web"), new() { IpBlock = new() { Cidr = "192.0.2.0/24", Except = ["192.0.2.64/26"] } }], Ports = [new() { Port = 5432 }, new() { Port = "metrics" }] }],
                }),
                Policy("names-only", new() { PolicyTypes = ["Egress"], Egress = [new() { Ports = [new() { Protocol = "UDP", Port = 53 }, new() { Protocol = "TCP", Port = 53 }] }] }),
            ],
            [
                Pod("db", "10.32.1.3", labels: ("app", "db")), Pod("web", "10.32.1.2", labels: ("app", "web")),
                Pod("web6", "fd00:32::2", "n2", ("app", "web")),
            ]);

        Golden.Match(PolicyRules.Compile(table).ToString(), Path.Combine(Golden.Folder("Expected"), "policy.nft"));
    }

    [Theory]
    [InlineData("10.0.0.0/8", "10.1.0.0/16,10.3.0.0/16", "10.0.0.0-10.0.255.255 10.2.0.0-10.2.255.255 10.4.0.0-10.255.255.255")]
    [InlineData("10.0.0.0/24", "10.0.0.0/25,10.0.0.0/26", "10.0.0.128-10.0.0.255")]
    [InlineData("10.0.0.0/24", "10.0.0.0/8", "")]
    [InlineData("10.0.0.0/24", "fd00::/8", "10.0.0.0-10.0.0.255")]
    [InlineData("0.0.0.0/0", "255.255.255.255/32", "0.0.0.0-255.255.255.254")]
    [InlineData("::/0", "::/1", "8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void What_is_left_of_a_block_without_its_exceptions(string cidr, string except, string expected)
        => Assert.Equal(expected, string.Join(' ', AddressRange.Merge([(IPNetwork.Parse(cidr), [.. except.Split(',').Select(IPNetwork.Parse)])])));

    [Fact]
    public void Blocks_that_touch_or_overlap_become_one()
        => Assert.Equal(
            ["10.0.0.0-10.0.1.255", "192.168.0.1", "fd00::-fd00::1"],
            AddressRange.Merge(((string[])["10.0.1.0/24", "10.0.0.0/24", "10.0.1.128/25", "fd00::/127", "192.168.0.1/32"]).Select(c => (IPNetwork.Parse(c), (IReadOnlyList<IPNetwork>)[]))).Select(r => r.ToString()));

    private PolicyTable Update(NetworkPolicy[] policies, Pod[] pods) => _source.Update(Store.Of(policies), Store.Of(pods), Store.Of<Namespace>());

    private static NetworkPolicy Policy(string name, NetworkPolicySpec? spec = null) => new() { Metadata = new() { Namespace = "a", Name = name }, Spec = spec ?? new() };

    private static NetworkPolicyPeer Labelled(string key, string value) => new() { PodSelector = new() { MatchLabels = EquatableMap.Of((key, value)) } };

    private static Pod Pod(string name, string address, string node = "n1", params (string Key, string Value)[] labels) => new()
    {
        Metadata = new() { Namespace = "a", Name = name, Labels = EquatableMap.Of(labels) },
        Spec = new() { NodeName = node, Containers = [new Container { Name = "c", Ports = [new ContainerPort { Name = "metrics", Port = 9100 }] }] },
        Status = new() { Phase = "Running", PodIP = address },
    };
}
