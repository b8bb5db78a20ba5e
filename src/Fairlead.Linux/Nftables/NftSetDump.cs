using System.Collections.Immutable;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Reads the sets and elements that the kernel has.</summary>
internal static class NftSetDump
{
    internal static NftSet? ReadSet(scoped NetlinkMessage message, string table, bool isAnonymous = false)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewSet))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        var (keyType, keyLength, dataType, dataLength, flags) = (0u, 0u, 0u, 0u, 0u);
        var (name, comment) = ("", (string?)null);
        TimeSpan? timeout = null;
        TimeSpan? gcInterval = null;
        int? size = null;
        var counts = false;
        string? objectKind = null;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case NftConstants.SetTable when a.Text != table:
                    return null;
                case NftConstants.SetName:
                    name = a.Text;
                    break;
                case NftConstants.SetFlags:
                    flags = a.BigEndian32;
                    break;
                case NftConstants.SetKeyType:
                    keyType = a.BigEndian32;
                    break;
                case NftConstants.SetKeyLen:
                    keyLength = a.BigEndian32;
                    break;
                case NftConstants.SetDataType:
                    dataType = a.BigEndian32;
                    break;
                case NftConstants.SetDataLen:
                    dataLength = a.BigEndian32;
                    break;
                case NftConstants.SetTimeout:
                    timeout = TimeSpan.FromMilliseconds(Math.Min(a.BigEndian64, int.MaxValue));
                    break;
                case NftConstants.SetGcInterval:
                    gcInterval = TimeSpan.FromMilliseconds(a.BigEndian32);
                    break;
                case NftConstants.SetObjectType:
                    objectKind = NftObject.KindOf(a.BigEndian32);
                    break;
                case NftConstants.SetExpression:
                    counts = NftInstruction.Read(a.Nested)?.Name == "counter";
                    break;
                case NftConstants.SetUserData:
                    comment = NftUserData.ReadComment(a.Value, NftUserData.SetComment);
                    break;
                case NftConstants.SetDesc:
                    size = ReadSize(a.Nested);
                    break;
            }
        }

        return ((flags & NftConstants.SetFlagAnonymous) != 0) != isAnonymous ? null : new NftSet(name, NftType.Decode(keyType, (int)keyLength))
        {
            Data = (flags & NftConstants.SetFlagMap) != 0 && dataType != NftConstants.DataTypeVerdict ? NftType.Decode(dataType, (int)dataLength) : [],
            IsVerdictMap = (flags & NftConstants.SetFlagMap) != 0 && dataType == NftConstants.DataTypeVerdict,
            IsInterval = (flags & NftConstants.SetFlagInterval) != 0,
            IsDynamic = (flags & NftConstants.SetFlagEval) != 0,
            HasTimeouts = (flags & NftConstants.SetFlagTimeout) != 0 && timeout is null,
            Timeout = timeout,
            ObjectKind = objectKind,
            GcInterval = gcInterval,
            HasCounters = counts,
            Size = size,
            Comment = comment,
        };
    }

    /// <summary>The element of a request at an offset, by which the kernel says what it minds.</summary>
    internal static NftElement? ElementAt(ReadOnlySpan<byte> request, int offset, NftSet set)
    {
        var reader = new NetlinkReader(request);
        if (!reader.TryRead(out var message))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        while (attributes.TryRead(out var a))
        {
            var items = a.Nested;
            while (a.Type == NftConstants.ElemListElements && items.TryRead(out var item))
            {
                // Where an attribute is in its message follows from where its bytes are.
                if (request.Overlaps(item.Value, out var start) && offset >= start - NetlinkConstants.AttributeHeaderLength && offset < start + item.Value.Length)
                {
                    return ReadElement(item.Nested, set).Element;
                }
            }
        }

        return null;
    }

    /// <summary>Reads the elements of one message. In a set of intervals an element may be only the border where one ends.</summary>
    internal static List<(NftElement Element, bool IsEnd)>? ReadElements(scoped NetlinkMessage message, NftSet set)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewSetElem))
        {
            return null;
        }

        var result = new List<(NftElement, bool)>();
        var attributes = message.Attributes<uint>(out _);
        while (attributes.TryRead(out var a))
        {
            if (a.Type != NftConstants.ElemListElements)
            {
                continue;
            }

            var items = a.Nested;
            while (items.TryRead(out var item))
            {
                result.Add(ReadElement(item.Nested, set));
            }
        }

        return result;
    }

    /// <summary>Puts borders together to intervals, and everything in order.</summary>
    internal static IReadOnlyList<NftElement> Join(NftSet set, IEnumerable<(NftElement Element, bool IsEnd)> elements)
    {
        if (!set.IsInterval || set.IsIntervalConcat)
        {
            return [.. elements.Select(e => e.Element).Order(ByKey.Instance)];
        }

        // At the same number an interval ends before the next begins.
        var borders = elements.OrderBy(e => e.Element.Key[0].First).ThenBy(e => !e.IsEnd).ToList();
        var joined = new List<NftElement>();
        for (var i = 0; i < borders.Count; i++)
        {
            if (!borders[i].IsEnd)
            {
                var first = borders[i].Element.Key[0];
                var whole = i + 1 < borders.Count ? first.Until(borders[i + 1].Element.Key[0]) : first.UntilEnd(set.Key[0]);
                joined.Add(borders[i].Element with { Key = [whole] });
            }
        }

        return joined;
    }

    /// <summary>Whether a key is there twice among elements in order.</summary>
    internal static bool HasTwice(IReadOnlyList<NftElement> elements)
    {
        for (var i = 1; i < elements.Count; i++)
        {
            if (elements[i].Key == elements[i - 1].Key)
            {
                return true;
            }
        }

        return false;
    }

    private static (NftElement Element, bool IsEnd) ReadElement(AttributeReader attributes, NftSet set)
    {
        var element = new NftElement([]);
        ValueArray<NftValue> last = [];
        var isEnd = false;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case NftConstants.ElemKey:
                    element = element with { Key = ReadValues(a.Nested, set.Key) };
                    break;
                case NftConstants.ElemKeyEnd:
                    last = ReadValues(a.Nested, set.Key);
                    break;
                case NftConstants.ElemData when set.IsVerdictMap:
                    element = element with { Verdict = ReadVerdict(a.Nested) };
                    break;
                case NftConstants.ElemData:
                    element = element with { Data = ReadValues(a.Nested, set.Data) };
                    break;
                case NftConstants.ElemFlags:
                    isEnd = (a.BigEndian32 & NftConstants.ElemFlagIntervalEnd) != 0;
                    break;
                case NftConstants.ElemTimeout:
                    element = element with { Timeout = TimeSpan.FromMilliseconds(Math.Min(a.BigEndian64, int.MaxValue)) };
                    break;
                case NftConstants.ElemObject:
                    element = element with { Object = a.Text };
                    break;
                case NftConstants.ElemExpiration:
                    element = element with { TimeLeft = TimeSpan.FromMilliseconds(Math.Min(a.BigEndian64, int.MaxValue)) };
                    break;
                case NftConstants.ElemExpression when NftInstruction.Read(a.Nested) is { Name: "counter" } counter:
                    element = element with { Counts = new(counter.Long(NftConstants.CounterPackets), counter.Long(NftConstants.CounterBytes)) };
                    break;
                case NftConstants.ElemUserData:
                    element = element with { Comment = NftUserData.ReadComment(a.Value) };
                    break;
            }
        }

        if (element.Key.Count == 0)
        {
            element = element with { Key = [.. set.Key.Items.Select(t => NftValue.Read(t, []))] };
        }

        if (element.Data.Count == 0 && set.Data.Count > 0)
        {
            element = element with { Data = [.. set.Data.Items.Select(t => NftValue.Read(t, []))] };
        }

        // What every element of the set has is no property of this one.
        element = element.Timeout == set.Timeout ? element with { Timeout = null } : element;
        return (last.Count == element.Key.Count && last.Count > 0
            ? element with { Key = [.. element.Key.Items.Zip(last.Items, (first, end) => first.To(end))] }
            : element, isEnd);
    }

    private static ValueArray<NftValue> ReadValues(AttributeReader attributes, ValueArray<NftType> types)
    {
        while (attributes.TryRead(out var a))
        {
            if (a.Type == NftConstants.DataValue)
            {
                var values = ImmutableArray.CreateBuilder<NftValue>(types.Count);
                var bytes = a.Value;
                foreach (var type in types)
                {
                    values.Add(NftValue.Read(type, bytes));
                    bytes = bytes[Math.Min(4 * type.Slots, bytes.Length)..];
                }

                return new(values.MoveToImmutable());
            }
        }

        return [.. types.Items.Select(t => NftValue.Read(t, []))];
    }

    private static NftVerdict? ReadVerdict(AttributeReader attributes)
    {
        while (attributes.TryRead(out var a))
        {
            if (a.Type == NftConstants.DataVerdict)
            {
                return NftVerdict.Read(a.Nested);
            }
        }

        return null;
    }

    private static int? ReadSize(AttributeReader attributes)
    {
        while (attributes.TryRead(out var a))
        {
            if (a.Type == NftConstants.SetDescSize)
            {
                return (int)a.BigEndian32;
            }
        }

        return null;
    }

    private sealed class ByKey : IComparer<NftElement>
    {
        internal static readonly ByKey Instance = new();

        public int Compare(NftElement? x, NftElement? y)
        {
            for (var i = 0; i < Math.Min(x!.Key.Count, y!.Key.Count); i++)
            {
                var order = x.Key[i].First.CompareTo(y.Key[i].First);
                if (order != 0)
                {
                    return order;
                }
            }

            return 0;
        }
    }
}
