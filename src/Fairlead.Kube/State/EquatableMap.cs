using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace Fairlead.Kube.State;

/// <summary>An immutable map from string to string that compares by content: labels, annotations, data.</summary>
/// <remarks>The default value is the empty map. Keys are ordinal and kept sorted, so walking it is deterministic.</remarks>
[SuppressMessage("Naming", "CA1710", Justification = "a map, as the API calls it")]
public readonly struct EquatableMap : IEquatable<EquatableMap>, IReadOnlyDictionary<string, string>
{
    // Maps are small (a handful of labels): one sorted array costs far less memory than a hash table each.
    private readonly KeyValuePair<string, string>[]? _entries;

    private EquatableMap(KeyValuePair<string, string>[] sorted) => _entries = sorted.Length == 0 ? null : sorted;

    private KeyValuePair<string, string>[] Entries => _entries ?? [];

    public int Count => _entries?.Length ?? 0;

    public bool IsEmpty => Count == 0;

    public IEnumerable<string> Keys => Entries.Select(e => e.Key);

    public IEnumerable<string> Values => Entries.Select(e => e.Value);

    public string this[string key]
        => TryGetValue(key, out var value) ? value : throw new KeyNotFoundException($"no key {key}");

    /// <summary>A map of the entries; of two with the same key the later one counts.</summary>
    public static EquatableMap Create(IEnumerable<KeyValuePair<string, string>> entries)
    {
        if (entries is EquatableMap same)
        {
            return same;
        }

        var sorted = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in entries)
        {
            sorted[key] = value;
        }

        return new EquatableMap([.. sorted]);
    }

    /// <summary>A map of the entries; of two with the same key the later one counts.</summary>
    public static EquatableMap Of(params ReadOnlySpan<(string Key, string Value)> entries)
    {
        var list = new List<KeyValuePair<string, string>>(entries.Length);
        foreach (var (key, value) in entries)
        {
            list.Add(new(key, value));
        }

        return Create(list);
    }

    public bool TryGetValue(string key, [MaybeNullWhen(false)] out string value)
    {
        var (low, high) = (0, Count - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = string.CompareOrdinal(_entries![middle].Key, key);
            if (order == 0)
            {
                value = _entries[middle].Value;
                return true;
            }

            (low, high) = order < 0 ? (middle + 1, high) : (low, middle - 1);
        }

        value = null;
        return false;
    }

    /// <summary>The value of the key, or null.</summary>
    public string? Find(string key) => TryGetValue(key, out var value) ? value : null;

    public bool ContainsKey(string key) => TryGetValue(key, out _);

    /// <summary>This map with the key set.</summary>
    public EquatableMap With(string key, string value) => Create([.. Entries, new(key, value)]);

    /// <summary>This map without the key.</summary>
    public EquatableMap Without(string key) => new([.. Entries.Where(e => e.Key != key)]);

    /// <summary>This map with each entry of the other set.</summary>
    public EquatableMap With(EquatableMap other) => Create([.. Entries, .. other.Entries]);

    public bool Equals(EquatableMap other)
    {
        if (ReferenceEquals(_entries, other._entries))
        {
            return true;
        }

        if (Count != other.Count)
        {
            return false;
        }

        for (var i = 0; i < Count; i++)
        {
            if (_entries![i].Key != other._entries![i].Key || _entries[i].Value != other._entries[i].Value)
            {
                return false;
            }
        }

        return true;
    }

    public override bool Equals(object? obj) => obj is EquatableMap other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var (key, value) in Entries)
        {
            hash.Add(key, StringComparer.Ordinal);
            hash.Add(value, StringComparer.Ordinal);
        }

        return hash.ToHashCode();
    }

    public override string ToString() => string.Join(',', Entries.Select(e => $"{e.Key}={e.Value}"));

    public IEnumerator<KeyValuePair<string, string>> GetEnumerator()
        => ((IEnumerable<KeyValuePair<string, string>>)Entries).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public static bool operator ==(EquatableMap left, EquatableMap right) => left.Equals(right);

    public static bool operator !=(EquatableMap left, EquatableMap right) => !left.Equals(right);
}
