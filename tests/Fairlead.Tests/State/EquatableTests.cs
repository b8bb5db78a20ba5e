using System.Collections.Immutable;
using Fairlead.Kube.State;

namespace Fairlead.Tests.State;

public sealed class EquatableTests
{
    private sealed record Holder(EquatableArray<string> Items, EquatableMap Labels);

    [Fact]
    public void Records_with_collections_compare_by_value()
    {
        var one = new Holder(["a", "b"], EquatableMap.Of(("x", "1"), ("y", "2")));
        var two = new Holder(new(ImmutableArray.Create("a", "b")), EquatableMap.Of(("y", "2"), ("x", "1")));

        Assert.Equal(one, two);
        Assert.Equal(one.GetHashCode(), two.GetHashCode());
        Assert.NotEqual(one, one with { Items = ["b", "a"] });
        Assert.NotEqual(one, one with { Labels = one.Labels.With("x", "3") });
    }

    [Fact]
    public void The_default_is_the_empty_one()
    {
        EquatableArray<int> nothing = default;

        Assert.Equal([], nothing);
        Assert.Empty(nothing);
        Assert.True(default(EquatableMap).Equals(EquatableMap.Of()));
        Assert.Empty(nothing.AsImmutableArray());
    }

    [Fact]
    public void A_map_finds_each_key_and_no_other()
    {
        var entries = Enumerable.Range(0, 100).Select(i => KeyValuePair.Create($"k{i}", $"v{i}")).ToArray();
        var map = EquatableMap.Create(entries);

        Assert.All(entries, e => Assert.Equal(e.Value, map.Find(e.Key)));
        Assert.Null(map.Find("k100"));
        Assert.Equal(99, map.Without("k7").Count);
        Assert.Equal("new", map.With("k7", "new")["k7"]);
    }
}
