using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Sets and their elements to nf_tables messages.</summary>
internal static class NftSetMessages
{
    /// <summary>A list of elements is closed here, well below the 64 KiB that a length of 16 bits can tell.</summary>
    private const int MaxElementList = 60_000;

    /// <summary>EXPR_CONCAT in nft's own numbering.</summary>
    private const uint ExprConcat = 13;

    private const uint HostByteOrder = 1;
    private const uint BigEndian = 2;

    internal static void WriteSet(NftEncoder encoder, NftSet set, uint id)
    {
        if (set.Data.Count > 0 && set.IsVerdictMap)
        {
            throw new ArgumentException($"{set.Name} cannot lead to data and to verdicts", nameof(set));
        }

        var w = encoder.Begin(NftConstants.NewSet, NetlinkFlags.Create);
        w.Attribute(NftConstants.SetName, set.Name);
        w.BigEndian(NftConstants.SetFlags, set.Flags);
        w.BigEndian(NftConstants.SetKeyType, NftType.IdOf(set.Key));
        w.BigEndian(NftConstants.SetKeyLen, (uint)NftType.LengthOf(set.Key));
        if (set.IsVerdictMap)
        {
            w.BigEndian(NftConstants.SetDataType, NftConstants.DataTypeVerdict);
            w.BigEndian(NftConstants.SetDataLen, 16u);
        }
        else if (set.ObjectKind is { } kind)
        {
            w.BigEndian(NftConstants.SetObjectType, NftObject.TypeOf(kind));
        }
        else if (set.IsMap)
        {
            w.BigEndian(NftConstants.SetDataType, NftType.IdOf(set.Data));
            w.BigEndian(NftConstants.SetDataLen, (uint)NftType.LengthOf(set.Data));
        }

        w.BigEndian(NftConstants.SetId, id);
        if (set.Timeout is { } timeout)
        {
            w.BigEndian(NftConstants.SetTimeout, (ulong)timeout.TotalMilliseconds);
        }

        if (set.GcInterval is { } pause)
        {
            // In this one attribute the kernel takes 32 bits.
            w.BigEndian(NftConstants.SetGcInterval, (uint)pause.TotalMilliseconds);
        }

        if (set.HasCounters)
        {
            WriteCounter(ref w, NftConstants.SetExpression, default);
        }

        WriteDescription(ref w, set);
        w.Attribute(NftConstants.SetUserData, UserData(set).Written);
        encoder.Batch.End(w);
    }

    /// <summary>Writes elements in as many messages as they need.</summary>
    internal static void WriteElements(
        NftEncoder encoder, ushort type, NetlinkFlags flags, NftSet set, IEnumerable<NftElement> elements, uint? id)
    {
        using var rest = elements.GetEnumerator();
        var more = rest.MoveNext();
        while (more)
        {
            var w = encoder.Begin(type, flags);
            w.Attribute(NftConstants.ElemListSet, set.Name);
            if (id is { } number)
            {
                w.BigEndian(NftConstants.ElemListSetId, number);
            }

            var list = w.BeginNested(NftConstants.ElemListElements);
            var start = w.Length;
            do
            {
                WriteElement(ref w, set, rest.Current, withValue: type == NftConstants.NewSetElem);
                more = rest.MoveNext();
            }
            while (more && w.Length - start < MaxElementList);

            w.EndNested(list);
            encoder.Batch.End(w);
        }
    }

    private static void WriteElement(ref NetlinkWriter w, NftSet set, NftElement element, bool withValue)
    {
        if (element.Key.Count != set.Key.Count)
        {
            throw new ArgumentException($"{set.Name}: {element.Key.Count} values for a key of {set.Key.Count}", nameof(element));
        }

        Span<byte> key = stackalloc byte[64 + 16];
        var item = w.BeginNested(NftConstants.ListElem);
        WriteData(ref w, NftConstants.ElemKey, Concat(set.Key, element.Key, key));
        if (set.IsIntervalConcat)
        {
            WriteData(ref w, NftConstants.ElemKeyEnd, Concat(set.Key, element.Key, key, last: true));
        }

        if (withValue)
        {
            WriteValue(ref w, set, element, key);
        }

        w.EndNested(item);

        // A set of intervals of one value is a list of borders: each interval ends where a further element says so.
        if (set is { IsInterval: true, IsIntervalConcat: false } && element.Key[0].TryWriteEnd(set.Key[0], key))
        {
            var end = w.BeginNested(NftConstants.ListElem);
            WriteData(ref w, NftConstants.ElemKey, key[..set.Key[0].Length]);
            w.BigEndian(NftConstants.ElemFlags, NftConstants.ElemFlagIntervalEnd);
            w.EndNested(end);
        }
    }

    private static void WriteValue(ref NetlinkWriter w, NftSet set, NftElement element, scoped Span<byte> scratch)
    {
        if (set.IsVerdictMap)
        {
            var data = w.BeginNested(NftConstants.ElemData);
            (element.Verdict ?? throw new ArgumentException($"{set.Name}: an element without a verdict", nameof(element))).Write(ref w);
            w.EndNested(data);
        }
        else if (set.ObjectKind is not null)
        {
            w.Attribute(NftConstants.ElemObject, element.Object ?? throw new ArgumentException($"{set.Name}: an element without the name of a {set.ObjectKind}", nameof(element)));
        }
        else if (set.IsMap)
        {
            if (element.Data.Count != set.Data.Count)
            {
                throw new ArgumentException($"{set.Name}: {element.Data.Count} values for data of {set.Data.Count}", nameof(element));
            }

            WriteData(ref w, NftConstants.ElemData, Concat(set.Data, element.Data, scratch));
        }

        if (element.Timeout is { } timeout)
        {
            w.BigEndian(NftConstants.ElemTimeout, (ulong)timeout.TotalMilliseconds);
        }

        if (element.TimeLeft is { } left)
        {
            w.BigEndian(NftConstants.ElemExpiration, (ulong)left.TotalMilliseconds);
        }

        if (element.Counts is { } counts)
        {
            WriteCounter(ref w, NftConstants.ElemExpression, counts);
        }

        if (element.Comment is { } comment)
        {
            NftUserData.WriteComment(ref w, NftConstants.ElemUserData, comment);
        }
    }

    /// <summary>A counter as an expression within a set or element.</summary>
    private static void WriteCounter(ref NetlinkWriter w, ushort type, NftCounts counts)
    {
        var expression = w.BeginNested(type);
        w.Attribute(NftConstants.ExprName, "counter");
        var data = w.BeginNested(NftConstants.ExprData);
        counts.Write(ref w);
        w.EndNested(data);
        w.EndNested(expression);
    }

    internal static void WriteData(ref NetlinkWriter w, ushort type, scoped ReadOnlySpan<byte> value)
    {
        var data = w.BeginNested(type);
        w.Attribute(NftConstants.DataValue, value);
        w.EndNested(data);
    }

    /// <summary>Values one after the other, each padded to four bytes; a single one as it is.</summary>
    internal static ReadOnlySpan<byte> Concat(ValueArray<NftType> types, ValueArray<NftValue> values, Span<byte> destination, bool last = false)
    {
        var length = NftType.LengthOf(types);
        if (length > 64)
        {
            throw new ArgumentException($"a key of {length} bytes ({types}): the kernel's registers hold 64", nameof(types));
        }

        destination[..length].Clear();
        var at = 0;
        for (var i = 0; i < types.Count; i++)
        {
            values[i].Write(types[i], destination[at..], last);
            at += 4 * types[i].Slots;
        }

        return destination[..length];
    }

    private static void WriteDescription(ref NetlinkWriter w, NftSet set)
    {
        var size = set.IsInline ? set.Inline.Length * (set.IsInterval ? 2 : 1) : set.Size;
        if (size is null && !set.IsIntervalConcat)
        {
            return;
        }

        var description = w.BeginNested(NftConstants.SetDesc);
        if (size is { } most)
        {
            w.BigEndian(NftConstants.SetDescSize, (uint)most);
        }

        if (set.IsIntervalConcat)
        {
            var fields = w.BeginNested(NftConstants.SetDescConcat);
            foreach (var type in set.Key)
            {
                var field = w.BeginNested(NftConstants.ListElem);
                w.BigEndian(NftConstants.SetFieldLen, (uint)type.Length);
                w.EndNested(field);
            }

            w.EndNested(fields);
        }

        w.EndNested(description);
    }

    private static NftUserData UserData(NftSet set)
    {
        var data = new NftUserData();
        data.Number(NftUserData.SetKeyByteOrder, ByteOrder(set.Key));
        if (set.Data.Count > 0)
        {
            data.Number(NftUserData.SetDataByteOrder, ByteOrder(set.Data));
        }

        if (set.NeedsTypeof)
        {
            data.Bytes(NftUserData.SetKeyTypeof, Typeof(set.Key));
            if (set.Data.Count > 0)
            {
                data.Bytes(NftUserData.SetDataTypeof, Typeof(set.Data));
            }
        }

        if (set.Comment is { } comment)
        {
            data.Text(NftUserData.SetComment, NftUserData.Clean(comment));
        }

        return data;
    }

    private static uint ByteOrder(ValueArray<NftType> types)
        => types.Count != 1 ? 0 : types[0].IsBigEndian ? BigEndian : HostByteOrder;

    private static byte[] Typeof(ValueArray<NftType> types)
    {
        if (types.Count == 1)
        {
            return [.. types[0].TypeofData];
        }

        var parts = new NftUserData();
        for (var i = 0; i < types.Count; i++)
        {
            parts.Bytes((byte)i, types[i].TypeofData.AsSpan());
        }

        var whole = new NftUserData();
        whole.Number(0, ExprConcat);
        whole.Bytes(1, parts.Written);
        return whole.Written.ToArray();
    }
}
