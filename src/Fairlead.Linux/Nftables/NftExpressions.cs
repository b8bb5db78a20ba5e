using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>The expressions of the kernel's machine, written one by one. Slots are its sixteen registers of four bytes.</summary>
internal static class NftExpressions
{
    internal const uint MetaMark = 3;
    internal const uint MetaIifName = 6;
    internal const uint MetaOifName = 7;
    internal const uint MetaNfProto = 15;
    internal const uint MetaL4Proto = 16;

    internal const uint CtStateKey = 0;
    internal const uint CtDirectionKey = 1;
    internal const uint CtStatusKey = 2;
    internal const uint CtMarkKey = 3;
    internal const uint CtProtoDestinationKey = 12;
    internal const uint CtDestinationIpKey = 20;
    internal const uint CtDestinationIp6Key = 22;

    /// <summary>Fixed, so that every node sends a client to the same endpoint.</summary>
    internal const uint HashSeed = 0xfa1e;

    private const uint NatSource = 0;
    private const uint FibResultAddressType = 3;

    internal static uint Register(int slot) => NftConstants.FirstRegister + (uint)slot;

    internal static void Payload(ref NetlinkWriter w, PayloadBase from, int offset, int length, int slot)
    {
        var e = Begin(ref w, "payload");
        w.BigEndian(1, Register(slot));
        w.BigEndian(2, (uint)from);
        w.BigEndian(3, (uint)offset);
        w.BigEndian(4, (uint)length);
        End(ref w, e);
    }

    internal static void Meta(ref NetlinkWriter w, uint key, int slot)
    {
        var e = Begin(ref w, "meta");
        w.BigEndian(2, key);
        w.BigEndian(1, Register(slot));
        End(ref w, e);
    }

    internal static void SetMeta(ref NetlinkWriter w, uint key, int slot)
    {
        var e = Begin(ref w, "meta");
        w.BigEndian(2, key);
        w.BigEndian(3, Register(slot));
        End(ref w, e);
    }

    internal static void Ct(ref NetlinkWriter w, uint key, byte? direction, int slot)
    {
        var e = Begin(ref w, "ct");
        w.BigEndian(2, key);
        w.BigEndian(1, Register(slot));
        if (direction is { } which)
        {
            w.Attribute(3, which);
        }

        End(ref w, e);
    }

    internal static void SetCt(ref NetlinkWriter w, uint key, int slot)
    {
        var e = Begin(ref w, "ct");
        w.BigEndian(2, key);
        w.BigEndian(4, Register(slot));
        End(ref w, e);
    }

    internal static void Fib(ref NetlinkWriter w, uint flags, int slot)
    {
        var e = Begin(ref w, "fib");
        w.BigEndian(1, Register(slot));
        w.BigEndian(2, FibResultAddressType);
        w.BigEndian(3, flags);
        End(ref w, e);
    }

    internal static void Random(ref NetlinkWriter w, uint modulus, int slot)
    {
        var e = Begin(ref w, "numgen");
        w.BigEndian(1, Register(slot));
        w.BigEndian(2, modulus);
        w.BigEndian(3, 1u);
        w.BigEndian(4, 0u);
        End(ref w, e);
    }

    internal static void Hash(ref NetlinkWriter w, int source, int length, uint modulus, int slot)
    {
        var e = Begin(ref w, "hash");
        w.BigEndian(1, Register(source));
        w.BigEndian(2, Register(slot));
        w.BigEndian(3, (uint)length);
        w.BigEndian(4, modulus);
        w.BigEndian(5, HashSeed);
        w.BigEndian(6, 0u);
        w.BigEndian(7, 0u);
        End(ref w, e);
    }

    internal static void Compare(ref NetlinkWriter w, NftComparison comparison, scoped ReadOnlySpan<byte> value, int slot = 0)
    {
        var e = Begin(ref w, "cmp");
        w.BigEndian(1, Register(slot));
        w.BigEndian(2, (uint)comparison);
        NftSetMessages.WriteData(ref w, 3, value);
        End(ref w, e);
    }

    /// <summary>Keeps the bits of the mask, then flips those of the other.</summary>
    internal static void Bitwise(ref NetlinkWriter w, scoped ReadOnlySpan<byte> mask, scoped ReadOnlySpan<byte> flip, int slot = 0)
    {
        var e = Begin(ref w, "bitwise");
        w.BigEndian(1, Register(slot));
        w.BigEndian(2, Register(slot));
        w.BigEndian(3, (uint)mask.Length);
        w.BigEndian(6, 0u);
        NftSetMessages.WriteData(ref w, 4, mask);
        NftSetMessages.WriteData(ref w, 5, flip);
        End(ref w, e);
    }

    internal static void Immediate(ref NetlinkWriter w, scoped ReadOnlySpan<byte> value, int slot)
    {
        var e = Begin(ref w, "immediate");
        w.BigEndian(1, Register(slot));
        NftSetMessages.WriteData(ref w, 2, value);
        End(ref w, e);
    }

    internal static void Verdict(ref NetlinkWriter w, NftVerdict verdict)
    {
        var e = Begin(ref w, "immediate");
        w.BigEndian(1, NftConstants.VerdictRegister);
        var data = w.BeginNested(2);
        verdict.Write(ref w);
        w.EndNested(data);
        End(ref w, e);
    }

    /// <summary>Looks a key up; into a slot, into the verdict where that is null and the set a verdict map, or only whether it is there.</summary>
    internal static void Lookup(ref NetlinkWriter w, NftEncoder encoder, NftSet set, int key, int? result, bool inverted)
    {
        var e = Begin(ref w, "lookup");
        w.BigEndian(2, Register(key));
        if (set.IsMap)
        {
            w.BigEndian(3, result is { } slot ? Register(slot) : NftConstants.VerdictRegister);
        }

        w.Attribute(1, set.Name);
        if (encoder.IdOf(set) is { } id)
        {
            w.BigEndian(4, id);
        }

        if (inverted)
        {
            w.BigEndian(5, 1u);
        }

        End(ref w, e);
    }

    internal static void Nat(ref NetlinkWriter w, bool source, byte family, int? address, int? port, uint flags)
    {
        var e = Begin(ref w, "nat");
        w.BigEndian(1, source ? NatSource : 1);
        w.BigEndian(2, (uint)family);
        if (address is { } addressSlot)
        {
            w.BigEndian(3, Register(addressSlot));
        }

        if (port is { } portSlot)
        {
            w.BigEndian(5, Register(portSlot));
        }

        if (flags != 0)
        {
            w.BigEndian(7, flags);
        }

        End(ref w, e);
    }

    internal static void Masquerade(ref NetlinkWriter w, uint flags)
    {
        var e = Begin(ref w, "masq");
        if (flags != 0)
        {
            w.BigEndian(1, flags);
        }

        End(ref w, e);
    }

    internal static void Reject(ref NetlinkWriter w, uint type, byte code)
    {
        var e = Begin(ref w, "reject");
        w.BigEndian(1, type);
        w.Attribute(2, code);
        End(ref w, e);
    }

    internal static void Counter(ref NetlinkWriter w)
    {
        var e = Begin(ref w, "counter");
        w.BigEndian(1, 0ul);
        w.BigEndian(2, 0ul);
        End(ref w, e);
    }

    internal static void NoTrack(ref NetlinkWriter w)
    {
        var item = w.BeginNested(NftConstants.ListElem);
        w.Attribute(NftConstants.ExprName, "notrack");
        w.EndNested(item);
    }

    internal static void Limit(ref NetlinkWriter w, NftRate rate)
    {
        var e = Begin(ref w, "limit");
        rate.Write(ref w);
        End(ref w, e);
    }

    internal static void Object(ref NetlinkWriter w, uint type, string name)
    {
        var e = Begin(ref w, "objref");
        w.BigEndian(1, type);
        w.Attribute(2, name);
        End(ref w, e);
    }

    internal static void Offload(ref NetlinkWriter w, string flowtable)
    {
        var e = Begin(ref w, "flow_offload");
        w.Attribute(1, flowtable);
        End(ref w, e);
    }

    internal static void Log(ref NetlinkWriter w, string prefix, ushort? group, uint length)
    {
        var e = Begin(ref w, "log");
        w.Attribute(2, prefix);
        if (group is { } listeners)
        {
            w.BigEndian(1, listeners);
        }

        if (length > 0)
        {
            w.BigEndian(3, length);
        }

        End(ref w, e);
    }

    internal static void DynamicSet(ref NetlinkWriter w, NftSet set, bool update, int key, int? data, TimeSpan? timeout)
    {
        var e = Begin(ref w, "dynset");
        w.BigEndian(4, Register(key));
        if (data is { } slot)
        {
            w.BigEndian(5, Register(slot));
        }

        w.BigEndian(3, update ? 1u : 0u);
        if (timeout is { } time)
        {
            w.BigEndian(6, (ulong)time.TotalMilliseconds);
        }

        w.Attribute(1, set.Name);
        End(ref w, e);
    }

    internal static void XtMatch(ref NetlinkWriter w, string name, uint revision, scoped ReadOnlySpan<byte> info)
    {
        var e = Begin(ref w, "match");
        w.Attribute(1, name);
        w.BigEndian(2, revision);
        w.Attribute(3, info);
        End(ref w, e);
    }

    private static (int Item, int Data) Begin(ref NetlinkWriter w, string name)
    {
        var item = w.BeginNested(NftConstants.ListElem);
        w.Attribute(NftConstants.ExprName, name);
        return (item, w.BeginNested(NftConstants.ExprData));
    }

    private static void End(ref NetlinkWriter w, (int Item, int Data) expression)
    {
        w.EndNested(expression.Data);
        w.EndNested(expression.Item);
    }
}
