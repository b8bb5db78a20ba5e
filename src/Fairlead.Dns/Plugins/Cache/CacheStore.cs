using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Plugins.Cache;

/// <summary>What a cached reply is found by. DO and CD change what an upstream answers, so they are part of it.</summary>
internal readonly record struct CacheKey(DnsName Name, RecordType Type, byte Flags);

/// <summary>A key made of a query's own bytes, so that looking costs no allocation.</summary>
internal readonly ref struct CacheProbe(ReadOnlySpan<byte> name, RecordType type, byte flags)
{
    public ReadOnlySpan<byte> Name { get; } = name;

    public RecordType Type { get; } = type;

    public byte Flags { get; } = flags;

    public int Hash => HashCode.Combine(WireName.Hash(Name), (ushort)Type, Flags);
}

/// <summary>One cached reply. Immutable.</summary>
/// <param name="Stored">The clock's timestamp when it came.</param>
/// <param name="Ttl">How long it may be given out.</param>
internal sealed record CacheItem(ResponseCode Code, DnsFlags Flags, Record[] Answers, Record[] Authorities, Record[] Additionals, long Stored, TimeSpan Ttl);

/// <summary>A bounded map of replies, cut into shards so that workers seldom meet at a lock.</summary>
/// <remarks>A full shard gives up an arbitrary entry, as CoreDNS's does: order of use is not worth a write on every hit.</remarks>
internal sealed class CacheStore
{
    private const int ShardCount = 256;
    private readonly Shard[] _shards;
    private readonly int _perShard;

    public CacheStore(int capacity)
    {
        _perShard = Math.Max(1, capacity / ShardCount);
        _shards = [.. Enumerable.Range(0, ShardCount).Select(_ => new Shard())];
    }

    public int Count => _shards.Sum(shard => shard.Items.Count);

    public CacheItem? Find(in CacheProbe probe)
    {
        var shard = _shards[(byte)(probe.Hash >> 8)];
        lock (shard)
        {
            return shard.Lookup.TryGetValue(probe, out var item) ? item : null;
        }
    }

    /// <summary>Puts an item in; says whether another had to go.</summary>
    public bool Set(in CacheProbe probe, CacheItem item)
    {
        var shard = _shards[(byte)(probe.Hash >> 8)];
        lock (shard)
        {
            var evict = shard.Items.Count >= _perShard && !shard.Lookup.ContainsKey(probe);
            if (evict)
            {
                using var first = shard.Items.GetEnumerator();
                first.MoveNext();
                shard.Items.Remove(first.Current.Key);
            }

            var lookup = shard.Lookup;
            lookup[probe] = item;
            return evict;
        }
    }

    public void Remove(in CacheProbe probe)
    {
        var shard = _shards[(byte)(probe.Hash >> 8)];
        lock (shard)
        {
            shard.Lookup.Remove(probe);
        }
    }

    private sealed class Shard
    {
        public Shard()
        {
            Items = new(Comparer.Instance);
            Lookup = Items.GetAlternateLookup<CacheProbe>();
        }

        public Dictionary<CacheKey, CacheItem> Items { get; }

        public Dictionary<CacheKey, CacheItem>.AlternateLookup<CacheProbe> Lookup { get; }
    }

    private sealed class Comparer : IEqualityComparer<CacheKey>, IAlternateEqualityComparer<CacheProbe, CacheKey>
    {
        public static Comparer Instance { get; } = new();

        public bool Equals(CacheKey x, CacheKey y) => x == y;

        public int GetHashCode(CacheKey obj) => new CacheProbe(obj.Name.Wire, obj.Type, obj.Flags).Hash;

        public bool Equals(CacheProbe alternate, CacheKey other)
            => alternate.Type == other.Type && alternate.Flags == other.Flags && WireName.Equal(alternate.Name, other.Name.Wire);

        public int GetHashCode(CacheProbe alternate) => alternate.Hash;

        public CacheKey Create(CacheProbe alternate) => new(DnsName.FromWire(alternate.Name), alternate.Type, alternate.Flags);
    }
}
