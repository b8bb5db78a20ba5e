using Fairlead.Agent.Policy;
using Fairlead.KernelTests.Agent;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.KernelTests.Policy;

public sealed class NetworkPolicyKernelTests(PolicyNodes nodes) : IClassFixture<PolicyNodes>
{
    private const int Rounds = 75;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    /// <summary>At least three hundred policies, a few at a time that change from round to round, between all pairs of pods on all ports.</summary>
    [Fact]
    public async Task What_gets_through_is_what_the_policies_allow()
    {
        var generator = new PolicyGenerator(20);
        var policies = new List<NetworkPolicy>();
        var probes = nodes.AllProbes().ToList();
        var (allowed, denied) = (0, 0);
        for (var round = 0; round < Rounds; round++)
        {
            // Some stay, so that the kernel's table changes rather than begins anew.
            policies.RemoveRange(0, Math.Min(policies.Count, round % 3 == 0 ? policies.Count : 3));
            policies.AddRange(Enumerable.Range(0, 4).Select(_ => generator.Next()));
            if (round % 10 == 9)
            {
                nodes.Restart(nodes[1 + round % 3]);
            }

            await nodes.EnforceAsync(policies, _ct);
            var oracle = new PolicyOracle(policies, nodes.Namespaces);
            var expected = probes.Where(p => oracle.Allows(p.From, p.To, p.Protocol, p.Port)).ToHashSet();
            var through = await nodes.TryAsync(probes, expected, _ct);

            var wrong = probes.Where(p => expected.Contains(p) != through.Contains(p)).ToList();
            Assert.True(wrong.Count == 0, $"round {round}: {wrong.Count} of {probes.Count} are wrong, such as "
                + string.Join("; ", wrong.Take(3).Select(p => $"{p.From} to {p.To} {p.Protocol} {p.Port}: should {(expected.Contains(p) ? "" : "not ")}get through"))
                + "\n" + string.Join('\n', policies.Select(p => KubeJson.Serialize(p))));
            allowed += expected.Count;
            denied += probes.Count - expected.Count;
        }

        Assert.True(allowed > 1000 && denied > 1000, $"{allowed} allowed and {denied} denied: the policies made up say too little");
    }

    [Fact]
    public async Task Pods_that_come_and_go_change_elements_and_no_rule()
    {
        Shell.Need("nft");
        NetworkPolicy policy = new()
        {
            Metadata = new() { Namespace = "a", Name = "from-b" },
            Spec = new() { Ingress = [new() { From = [new() { NamespaceSelector = new() { MatchLabels = EquatableMap.Of(("team", "y")) } }], Ports = [new() { Port = "http" }] }] },
        };
        await nodes.EnforceAsync([policy], _ct, [.. nodes.Pods.Where(p => p.Namespace == "a")]);
        var before = RulesOf(nodes[1]);
        Assert.DoesNotContain(nodes.Pods[1].Address.ToString(), nodes[1].Network.Sh("nft list table inet fairlead-policy"), StringComparison.Ordinal);

        await nodes.EnforceAsync([policy], _ct);

        Assert.Equal(before, RulesOf(nodes[1]));
        Assert.Contains(nodes.Pods[1].Address.ToString(), nodes[1].Network.Sh("nft list table inet fairlead-policy"), StringComparison.Ordinal);
        await nodes.EnforceAsync([], _ct);
        Assert.DoesNotContain("group", nodes[1].Network.Sh("nft list table inet fairlead-policy"), StringComparison.Ordinal);

        static string RulesOf(TestNode node) => string.Join('\n', node.Network.Sh("nft -a list table inet fairlead-policy").Split('\n').Where(l => l.Contains("# handle", StringComparison.Ordinal) && !l.Contains("elements", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_restart_writes_nothing_and_damage_is_mended()
    {
        Shell.Need("nft");
        var policies = Enumerable.Range(0, 12).Select(_ => new PolicyGenerator(7)).Select((g, i) => Enumerable.Range(0, i + 1).Select(_ => g.Next()).Last()).ToList();
        policies.Add(new() { Metadata = new() { Namespace = "b", Name = string.Concat(Enumerable.Repeat("a-very-long-name.", 14)) + "x" } });
        await nodes.EnforceAsync(policies, _ct);
        var before = nodes[2].Network.Sh("nft -a list table inet fairlead-policy");
        nodes.Restart(nodes[2]);
        await nodes.EnforceAsync(policies, _ct);
        Assert.Equal(before, nodes[2].Network.Sh("nft -a list table inet fairlead-policy"));

        foreach (var damage in new[] { "nft flush chain inet fairlead-policy ingress", "nft delete table inet fairlead-policy", "nft add rule inet fairlead-policy egress accept", "nft add chain inet fairlead-policy strange" })
        {
            nodes[2].Network.Sh(damage);
            await nodes.EnforceAsync(policies, _ct);
            Assert.Equal(Blocks(before), Blocks(nodes[2].Network.Sh("nft list table inet fairlead-policy")));
        }
    }

    [Fact]
    public async Task Text_and_messages_mean_the_same()
    {
        Shell.Need("nft");
        var generator = new PolicyGenerator(33);
        await nodes.EnforceAsync([.. Enumerable.Range(0, 30).Select(_ => generator.Next())], _ct);
        using var namespaces = new TestNamespaces();
        var stock = namespaces.New("stock");

        stock.Sh("nft -f -", PolicyRules.Compile(nodes.TableOf(nodes[3])).ToString());

        Assert.Equal(Blocks(stock.Sh("nft list ruleset")), Blocks(nodes[3].Network.Sh("nft list table inet fairlead-policy")));
    }

    /// <summary>The sets and chains of a listing in an order of their own, without the numbers of rules and the counts.</summary>
    private static string Blocks(string listing)
        => string.Join('\n', System.Text.RegularExpressions.Regex.Replace(listing, " # handle \\d+|packets \\d+ bytes \\d+", "").Split("\n\n").Select(b => b.TrimEnd('}', '\t', '\n')).Order(StringComparer.Ordinal));
}
