using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>A section of a reply under construction. Kept from query to query, so that filling it allocates nothing.</summary>
public sealed class RecordList
{
    private Record[] _items = new Record[8];

    public int Count { get; private set; }

    public ReadOnlySpan<Record> Span => _items.AsSpan(0, Count);

    /// <summary>The records to be put into another order in place.</summary>
    internal Span<Record> Mutable => _items.AsSpan(0, Count);

    public Record this[int index] => Span[index];

    public void Add(Record record)
    {
        if (Count == _items.Length)
        {
            Array.Resize(ref _items, Count * 2);
        }

        _items[Count++] = record;
    }

    public void AddRange(ReadOnlySpan<Record> records)
    {
        if (Count + records.Length > _items.Length)
        {
            Array.Resize(ref _items, Math.Max(_items.Length * 2, Count + records.Length));
        }

        records.CopyTo(_items.AsSpan(Count));
        Count += records.Length;
    }

    public void Clear()
    {
        Array.Clear(_items, 0, Count);
        Count = 0;
    }
}
