using FsCheck;
using FsCheck.Fluent;
using Fairlead.Core.State;

namespace Fairlead.Tests.State;

public sealed class DeltaTests
{
    private sealed record Entry(int Key, int Value);

    private static readonly Gen<Entry[]> s_entries =
        from keys in Gen.SubListOf(Enumerable.Range(0, 12))
        from values in Gen.ArrayOf(Gen.Choose(0, 3), 12)
        select keys.Select(k => new Entry(k, values[k])).ToArray();

    [Fact]
    public void Applying_the_delta_to_what_is_gives_what_is_wanted()
        => Prop.ForAll(s_entries.Two().ToArbitrary(), pair => Apply(pair.Item1, Between(pair.Item2, pair.Item1)).SetEquals(pair.Item2))
            .QuickCheckThrowOnFailure();

    [Fact]
    public void Nothing_is_left_to_do_once_applied()
        => Prop.ForAll(s_entries.Two().ToArbitrary(), pair => Between(pair.Item2, Apply(pair.Item1, Between(pair.Item2, pair.Item1))).IsEmpty)
            .QuickCheckThrowOnFailure();

    [Fact]
    public void No_operation_is_idle()
        => Prop.ForAll(s_entries.Two().ToArbitrary(), pair => Between(pair.Item2, pair.Item1).Change.All(c => c.Old.Key == c.New.Key && c.Old != c.New))
            .QuickCheckThrowOnFailure();

    [Fact]
    public void A_second_actual_value_of_a_key_is_removed()
    {
        var delta = Between([new(1, 1)], [new(1, 1), new(1, 2)]);

        Assert.Empty(delta.Add);
        Assert.Empty(delta.Change);
        Assert.Equal([new Entry(1, 2)], delta.Remove);
    }

    private static Delta<Entry> Between(IEnumerable<Entry> desired, IEnumerable<Entry> actual) => Delta.Between(desired, actual, e => e.Key);

    private static HashSet<Entry> Apply(IEnumerable<Entry> actual, Delta<Entry> delta)
    {
        var result = actual.ToHashSet();
        result.ExceptWith(delta.Remove);
        result.ExceptWith(delta.Change.Select(c => c.Old));
        result.UnionWith(delta.Change.Select(c => c.New));
        result.UnionWith(delta.Add);
        return result;
    }
}
