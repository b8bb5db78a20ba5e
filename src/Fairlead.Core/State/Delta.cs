using System.Collections.Immutable;

namespace Fairlead.Core.State;

/// <summary>The least work that turns what is into what is wanted.</summary>
/// <remarks>Each list is in the order in which its items were given, so that the same input gives the same plan.</remarks>
public sealed record Delta<TValue>(
    ImmutableArray<TValue> Add, ImmutableArray<(TValue Old, TValue New)> Change, ImmutableArray<TValue> Remove)
{
    public bool IsEmpty => Add.IsEmpty && Change.IsEmpty && Remove.IsEmpty;

    /// <summary>How many operations it is.</summary>
    public int Count => Add.Length + Change.Length + Remove.Length;
}

/// <summary>Compares what is wanted with what is.</summary>
public static class Delta
{
    /// <summary>
    /// What to add, change and remove. Of several values with one key the last counts as wanted, and only one as being there.
    /// </summary>
    public static Delta<TValue> Between<TKey, TValue>(
        IEnumerable<TValue> desired, IEnumerable<TValue> actual, Func<TValue, TKey> key, IEqualityComparer<TValue>? same = null)
        where TKey : notnull
    {
        same ??= EqualityComparer<TValue>.Default;
        var wanted = new OrderedDictionary<TKey, TValue>();
        foreach (var value in desired)
        {
            wanted[key(value)] = value;
        }

        var present = new HashSet<TKey>();
        var change = ImmutableArray.CreateBuilder<(TValue, TValue)>();
        var remove = ImmutableArray.CreateBuilder<TValue>();
        foreach (var value in actual)
        {
            if (!wanted.TryGetValue(key(value), out var target) || !present.Add(key(value)))
            {
                remove.Add(value);
            }
            else if (!same.Equals(value, target))
            {
                change.Add((value, target));
            }
        }

        var add = wanted.Where(w => !present.Contains(w.Key)).Select(w => w.Value);
        return new([.. add], change.ToImmutable(), remove.ToImmutable());
    }
}
