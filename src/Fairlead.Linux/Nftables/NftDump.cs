using System.Collections.Immutable;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>A table as the kernel has it.</summary>
public sealed record NftTableEntry(NftFamily Family, string Name, string? Comment);

/// <summary>A chain as the kernel has it.</summary>
public sealed record NftChainEntry(string Name, NftBaseChain? Base, string? Comment);

/// <summary>A rule as the kernel has it.</summary>
/// <param name="Handle">What names the rule.</param>
/// <param name="Expressions">The names of the expressions it is made of.</param>
public sealed record NftRuleEntry(string Chain, ulong Handle, string? Comment, ValueArray<string> Expressions)
{
    /// <summary>Packets that its counter has seen, where it has one.</summary>
    public ulong? Packets { get; init; }

    /// <summary>Bytes that its counter has seen, where it has one.</summary>
    public ulong? Bytes { get; init; }
}

/// <summary>Reads what the kernel has of nftables.</summary>
internal static class NftDump
{
    internal static NftTableEntry? ReadTable(scoped NetlinkMessage message)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewTable))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out var header);
        var entry = new NftTableEntry((NftFamily)(byte)header, "", null);
        while (attributes.TryRead(out var a))
        {
            entry = a.Type switch
            {
                NftConstants.TableName => entry with { Name = a.Text },
                NftConstants.TableUserData => entry with { Comment = NftUserData.ReadComment(a.Value) },
                _ => entry,
            };
        }

        return entry;
    }

    internal static NftChainEntry? ReadChain(scoped NetlinkMessage message, string table)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewChain))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        var entry = new NftChainEntry("", null, null);
        var type = NftChainType.Filter;
        var accept = true;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case NftConstants.ChainTable when a.Text != table:
                    return null;
                case NftConstants.ChainName:
                    entry = entry with { Name = a.Text };
                    break;
                case NftConstants.ChainHook:
                    entry = entry with { Base = ReadHook(a.Nested) };
                    break;
                case NftConstants.ChainPolicy:
                    accept = a.BigEndian32 == 1;
                    break;
                case NftConstants.ChainType:
                    _ = Enum.TryParse(a.Text, ignoreCase: true, out type);
                    break;
                case NftConstants.ChainUserData:
                    entry = entry with { Comment = NftUserData.ReadComment(a.Value) };
                    break;
            }
        }

        return entry.Base is { } tied ? entry with { Base = tied with { Type = type, AcceptByDefault = accept } } : entry;
    }

    internal static NftRuleEntry? ReadRule(scoped NetlinkMessage message, string table, string? chain)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewRule))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        var entry = new NftRuleEntry("", 0, null, []);
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case NftConstants.RuleTable when a.Text != table:
                    return null;
                case NftConstants.RuleChain:
                    entry = entry with { Chain = a.Text };
                    break;
                case NftConstants.RuleHandle:
                    entry = entry with { Handle = a.BigEndian64 };
                    break;
                case NftConstants.RuleUserData:
                    entry = entry with { Comment = NftUserData.ReadComment(a.Value) };
                    break;
                case NftConstants.RuleExpressions:
                    entry = ReadCounter(entry, a.Nested) with { Expressions = ReadNames(a.Nested) };
                    break;
            }
        }

        return chain is null || entry.Chain == chain ? entry : null;
    }

    internal static NftSet? ReadSet(scoped NetlinkMessage message, string table)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewSet))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        var (keyType, keyLength, dataType, dataLength, flags) = (0u, 0u, 0u, 0u, 0u);
        var (name, comment) = ("", (string?)null);
        TimeSpan? timeout = null;
        int? size = null;
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
                case NftConstants.SetUserData:
                    comment = NftUserData.ReadComment(a.Value, NftUserData.SetComment);
                    break;
                case NftConstants.SetDesc:
                    size = ReadSize(a.Nested);
                    break;
            }
        }

        return (flags & NftConstants.SetFlagAnonymous) != 0 ? null : new NftSet(name, NftType.Decode(keyType, (int)keyLength))
        {
            Data = (flags & NftConstants.SetFlagMap) != 0 && dataType != NftConstants.DataTypeVerdict ? NftType.Decode(dataType, (int)dataLength) : [],
            IsVerdictMap = (flags & NftConstants.SetFlagMap) != 0 && dataType == NftConstants.DataTypeVerdict,
            IsInterval = (flags & NftConstants.SetFlagInterval) != 0,
            IsDynamic = (flags & NftConstants.SetFlagEval) != 0,
            HasTimeouts = (flags & NftConstants.SetFlagTimeout) != 0 && timeout is null,
            Timeout = timeout,
            Size = size,
            Comment = comment,
        };
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
                case NftConstants.ElemUserData:
                    element = element with { Comment = NftUserData.ReadComment(a.Value) };
                    break;
            }
        }

        if (element.Key.Count == 0)
        {
            element = element with { Key = [.. set.Key.Items.Select(t => NftValue.Read(t, []))] };
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

    private static NftBaseChain ReadHook(AttributeReader attributes)
    {
        var tied = new NftBaseChain(NftChainType.Filter, NftHook.Prerouting, 0);
        while (attributes.TryRead(out var a))
        {
            tied = a.Type switch
            {
                NftConstants.HookNumber => tied with { Hook = (NftHook)a.BigEndian32 },
                NftConstants.HookPriority => tied with { Priority = (int)a.BigEndian32 },
                _ => tied,
            };
        }

        return tied;
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

    private static NftRuleEntry ReadCounter(NftRuleEntry entry, AttributeReader expressions)
    {
        while (expressions.TryRead(out var expression))
        {
            var parts = expression.Nested;
            var isCounter = false;
            while (parts.TryRead(out var a))
            {
                isCounter |= a.Type == NftConstants.ExprName && a.Text == "counter";
                if (!isCounter || a.Type != NftConstants.ExprData)
                {
                    continue;
                }

                var values = a.Nested;
                while (values.TryRead(out var value))
                {
                    entry = value.Type switch
                    {
                        NftConstants.CounterBytes => entry with { Bytes = value.BigEndian64 },
                        NftConstants.CounterPackets => entry with { Packets = value.BigEndian64 },
                        _ => entry,
                    };
                }

                return entry;
            }
        }

        return entry;
    }

    private static ValueArray<string> ReadNames(AttributeReader expressions)
    {
        var names = ImmutableArray.CreateBuilder<string>();
        while (expressions.TryRead(out var expression))
        {
            var parts = expression.Nested;
            while (parts.TryRead(out var a))
            {
                if (a.Type == NftConstants.ExprName)
                {
                    names.Add(a.Text);
                }
            }
        }

        return new(names.ToImmutable());
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
