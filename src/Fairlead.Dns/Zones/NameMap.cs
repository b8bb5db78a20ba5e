using System.Diagnostics.CodeAnalysis;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Zones;

/// <summary>An immutable map from names to values that is asked with bytes and changed a batch at a time.</summary>
/// <remarks>
/// A hash table of small arrays. A batch copies the table of references (8 bytes for about each name) and the buckets it touches, and
/// shares the rest. Immutable dictionaries of the library cannot be asked with a span, and are several times slower to read.
/// </remarks>
internal sealed class NameMap<T>
    where T : class
{
    private readonly Entry[]?[] _buckets;

    private NameMap(Entry[]?[] buckets, int count) => (_buckets, Count) = (buckets, count);

    public static NameMap<T> Empty { get; } = new(new Entry[]?[16], 0);

    public int Count { get; }

    public bool TryGet(ReadOnlySpan<byte> name, [NotNullWhen(true)] out T? value)
    {
        var hash = WireName.Hash(name);
        if (_buckets[hash & (_buckets.Length - 1)] is { } bucket)
        {
            foreach (ref readonly var entry in bucket.AsSpan())
            {
                if (entry.Hash == hash && WireName.Equal(entry.Name.Wire, name))
                {
                    value = entry.Value;
                    return true;
                }
            }
        }

        value = null;
        return false;
    }

    public T? Find(DnsName name) => TryGet(name.Wire, out var value) ? value : null;

    /// <summary>The map with these names set, or removed where the value is null.</summary>
    public NameMap<T> With(IReadOnlyCollection<KeyValuePair<DnsName, T?>> changes)
    {
        if (changes.Count == 0)
        {
            return this;
        }

        var size = _buckets.Length;
        while (size < Count + changes.Count)
        {
            size *= 2;
        }

        var buckets = size == _buckets.Length ? (Entry[]?[])_buckets.Clone() : Rehash(size);
        var count = Count;
        foreach (var (name, value) in changes)
        {
            var hash = WireName.Hash(name.Wire);
            ref var bucket = ref buckets[hash & (size - 1)];
            var index = Array.FindIndex(bucket ?? [], entry => entry.Hash == hash && entry.Name == name);
            if (value is null)
            {
                count -= index < 0 ? 0 : 1;
                bucket = index < 0 ? bucket : bucket!.Length == 1 ? null : [.. bucket[..index], .. bucket[(index + 1)..]];
            }
            else if (index < 0)
            {
                count++;
                bucket = [.. bucket ?? [], new Entry(hash, name, value)];
            }
            else
            {
                bucket = [.. bucket!];
                bucket[index] = new Entry(hash, name, value);
            }
        }

        return new NameMap<T>(buckets, count);
    }

    /// <summary>Every name with its value, in no order.</summary>
    public IEnumerable<KeyValuePair<DnsName, T>> All()
        => _buckets.SelectMany(bucket => bucket ?? []).Select(entry => KeyValuePair.Create(entry.Name, entry.Value));

    private Entry[]?[] Rehash(int size)
    {
        var buckets = new Entry[]?[size];
        foreach (var group in _buckets.SelectMany(bucket => bucket ?? []).GroupBy(entry => entry.Hash & (size - 1)))
        {
            buckets[group.Key] = [.. group];
        }

        return buckets;
    }

    private readonly record struct Entry(int Hash, DnsName Name, T Value);
}
