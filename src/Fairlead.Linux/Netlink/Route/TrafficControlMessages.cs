using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Queueing disciplines and filters to rtnetlink messages and back (linux/pkt_sched.h, pkt_cls.h, tc_act/tc_mirred.h).</summary>
internal static class TrafficControlMessages
{
    private const ushort NewQdisc = 36;
    private const ushort DelQdisc = 37;
    private const ushort GetQdisc = 38;
    private const ushort NewFilter = 44;
    private const ushort GetFilter = 46;
    private const ushort Kind = 1; // TCA_KIND
    private const ushort Options = 2; // TCA_OPTIONS
    private const uint FirstHandle = 1 << 16; // 1:0
    private const uint IngressHandle = 0xffff0000; // ffff:0

    // TCA_TBF_*
    private const ushort TbfParameters = 1;
    private const ushort TbfRate64 = 4;
    private const ushort TbfBurst = 6;
    private const int TbfParametersLength = 36;
    private const byte LinkLayerEthernet = 1;

    // TCA_U32_*, TCA_ACT_*, TCA_MIRRED_*
    private const ushort U32Selector = 5;
    private const ushort U32Action = 7;
    private const byte U32Terminal = 1;
    private const ushort ActionKind = 1;
    private const ushort ActionOptions = 2;
    private const ushort MirredParameters = 2;
    private const int MirredLength = 28;
    private const int MirredLinkOffset = 24;
    private const int ActionStolen = 4;
    private const int EgressRedirect = 1;
    private const uint FilterPriority = 1;
    private const ushort EveryProtocol = 3; // ETH_P_ALL

    internal static void WriteTokenBucket(NetlinkBatch batch, int link, TokenBucket bucket)
    {
        var writer = batch.Begin(NewQdisc, RouteOperation.Replace);
        writer.Header(new TrafficControlHeader { Link = link, Handle = FirstHandle, Parent = Qdisc.Root });
        writer.Attribute(Kind, "tbf");
        var options = writer.BeginNested(Options);

        // struct tc_tbf_qopt: two of struct tc_ratespec, then limit, buffer and mtu. The rate has 32 bits; a greater one stands beside it.
        // The buffer is in the kernel's own ticks: the burst in bytes stands beside it, and wins.
        Span<byte> parameters = stackalloc byte[TbfParametersLength];
        parameters.Clear();
        parameters[1] = LinkLayerEthernet;
        MemoryMarshal.Write(parameters[8..], (uint)Math.Min(bucket.BytesPerSecond, uint.MaxValue));
        MemoryMarshal.Write(parameters[24..], bucket.Limit);
        writer.Attribute(TbfParameters, parameters);
        writer.Attribute(TbfBurst, bucket.Burst);
        if (bucket.BytesPerSecond >= uint.MaxValue)
        {
            writer.Attribute(TbfRate64, bucket.BytesPerSecond);
        }

        writer.EndNested(options);
        batch.End(writer);
    }

    internal static void WriteIngress(NetlinkBatch batch, int link)
    {
        var writer = batch.Begin(NewQdisc, NetlinkFlags.Create);
        writer.Header(new TrafficControlHeader { Link = link, Handle = IngressHandle, Parent = Qdisc.Ingress });
        writer.Attribute(Kind, "ingress");
        batch.End(writer);
    }

    internal static void WriteRedirection(NetlinkBatch batch, int link, int to)
    {
        var writer = batch.Begin(NewFilter, RouteOperation.New);
        writer.Header(new TrafficControlHeader
        {
            Link = link, Parent = IngressHandle, Parameter = (FilterPriority << 16) | BinaryPrimitives.ReverseEndianness(EveryProtocol),
        });
        writer.Attribute(Kind, "u32");
        var options = writer.BeginNested(Options);

        // struct tc_u32_sel with one key, whose mask is empty: it holds for every packet.
        Span<byte> selector = stackalloc byte[32];
        selector.Clear();
        selector[0] = U32Terminal;
        selector[2] = 1;
        writer.Attribute(U32Selector, selector);
        var actions = writer.BeginNested(U32Action);
        var first = writer.BeginNested(1);
        writer.Attribute(ActionKind, "mirred");
        var mirred = writer.BeginNested(ActionOptions);
        Span<byte> parameters = stackalloc byte[MirredLength];
        parameters.Clear();
        MemoryMarshal.Write(parameters[8..], ActionStolen);
        MemoryMarshal.Write(parameters[20..], EgressRedirect);
        MemoryMarshal.Write(parameters[MirredLinkOffset..], to);
        writer.Attribute(MirredParameters, parameters);
        writer.EndNested(mirred);
        writer.EndNested(first);
        writer.EndNested(actions);
        writer.EndNested(options);
        batch.End(writer);
    }

    internal static void WriteDeletion(NetlinkBatch batch, int link, uint parent)
    {
        var writer = batch.Begin(DelQdisc, NetlinkFlags.None);
        writer.Header(new TrafficControlHeader { Link = link, Parent = parent });
        batch.End(writer);
    }

    internal static void WriteQdiscDump(NetlinkBatch batch)
    {
        var writer = batch.Begin(GetQdisc, NetlinkFlags.Dump);
        writer.Header(default(TrafficControlHeader));
        batch.End(writer);
    }

    internal static void WriteFilterDump(NetlinkBatch batch, int link)
    {
        var writer = batch.Begin(GetFilter, NetlinkFlags.Dump);
        writer.Header(new TrafficControlHeader { Link = link, Parent = IngressHandle });
        batch.End(writer);
    }

    internal static Qdisc? ReadQdisc(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<TrafficControlHeader>(out var header);
        if (message.Type != NewQdisc)
        {
            return null;
        }

        var kind = "";
        TokenBucket? bucket = null;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case Kind:
                    kind = a.Text;
                    break;
                case Options when kind == "tbf":
                    bucket = ReadBucket(a.Nested);
                    break;
            }
        }

        return new Qdisc(header.Link, kind, header.Handle, header.Parent) { Bucket = bucket };
    }

    /// <summary>The interface that a filter redirects to.</summary>
    internal static int? ReadRedirection(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<TrafficControlHeader>(out _);
        return message.Type == NewFilter && Find(attributes, Options, out var options) && Find(options.Nested, U32Action, out var actions)
            && Find(actions.Nested, 1, out var first) && Find(first.Nested, ActionOptions, out var mirred)
            && Find(mirred.Nested, MirredParameters, out var parameters) && parameters.Value.Length >= MirredLength
            ? MemoryMarshal.Read<int>(parameters.Value[MirredLinkOffset..])
            : null;
    }

    private static TokenBucket? ReadBucket(AttributeReader options)
    {
        ulong? rate = null;
        TokenBucket? bucket = null;
        while (options.TryRead(out var a))
        {
            if (a.Type == TbfRate64)
            {
                rate = a.UInt64;
            }
            else if (a.Type == TbfParameters && a.Value.Length >= TbfParametersLength)
            {
                bucket = new TokenBucket(MemoryMarshal.Read<uint>(a.Value[8..]), BurstOf(a.Value), MemoryMarshal.Read<uint>(a.Value[24..]));
            }
        }

        return rate is { } wide && bucket is not null ? bucket with { BytesPerSecond = wide, Burst = ScaleBurst(bucket, wide) } : bucket;
    }

    /// <summary>The kernel tells the burst as the time it takes, in ticks of 64 ns (PSCHED_SHIFT).</summary>
    private static uint BurstOf(ReadOnlySpan<byte> parameters)
        => (uint)Math.Min(uint.MaxValue, Math.Round(MemoryMarshal.Read<uint>(parameters[28..]) * 64.0 * MemoryMarshal.Read<uint>(parameters[8..]) / 1e9));

    private static uint ScaleBurst(TokenBucket bucket, ulong rate)
        => (uint)Math.Min(uint.MaxValue, bucket.Burst * ((double)rate / Math.Max(1, bucket.BytesPerSecond)));

    private static bool Find(AttributeReader attributes, ushort type, out NetlinkAttribute found)
    {
        while (attributes.TryRead(out found))
        {
            if (found.Type == type)
            {
                return true;
            }
        }

        return false;
    }
}
