using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Kube;

public sealed class StoreTests
{
    private static readonly ConfigMap s_a = Map("a");
    private static readonly ConfigMap s_b = Map("b");

    [Fact]
    public void Changes_are_told_by_reference()
    {
        var before = Store.Of(s_a, s_b);
        var after = Store.Of(s_a with { Immutable = true }, s_b, Map("c"));

        Assert.Equal(["a", "c"], after.ChangesSince(before).Select(k => k.Name));
        Assert.Equal(["a", "b", "c"], after.ChangesSince(null).Select(k => k.Name));
        Assert.Equal(["a", "c"], before.ChangesSince(after).Select(k => k.Name));
        Assert.Empty(after.ChangesSince(after));
    }

    [Fact]
    public void A_log_of_changes_reaches_back_only_so_far()
    {
        var log = new ChangeLog();
        for (var version = 1; version <= 300; version++)
        {
            log.Add(version, [new ObjectKey("ns", $"k{version}")]);
        }

        Assert.Null(log.Between(10, 300));
        Assert.Equal(["k299", "k300"], log.Between(298, 300)!.Select(k => k.Name).Order(StringComparer.Ordinal));
        Assert.Equal(["k299"], log.Between(298, 299)!.Select(k => k.Name));
    }

    [Fact]
    public void An_index_follows_the_store_forwards_and_backwards()
    {
        var index = new StoreIndex<Pod, string>(p => [p.Spec.NodeName]);
        var (one, two) = (Make.Pod("p", "n1"), Make.Pod("q", "n1"));
        var before = Store.Of(one, two);
        var after = Store.Of(one, two with { Spec = two.Spec with { NodeName = "n2" } });

        Assert.Equal(["p", "q"], index.Find(before, "n1").Select(p => p.Metadata.Name));
        Assert.Equal(["p"], index.Find(after, "n1").Select(p => p.Metadata.Name));
        Assert.Equal(["q"], index.Find(after, "n2").Select(p => p.Metadata.Name));
        Assert.Equal(["p", "q"], index.Find(before, "n1").Select(p => p.Metadata.Name));
        Assert.Empty(index.Find(before, "n2"));
    }

    private static ConfigMap Map(string name) => new() { Metadata = new() { Name = name, Namespace = "ns" } };
}
