using System.Globalization;
using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>How fast an interface may send: a bucket that fills at a rate, and out of which every packet is paid (tc-tbf(8)).</summary>
/// <param name="BytesPerSecond">The rate.</param>
/// <param name="Burst">Bytes in the full bucket: what may go at once.</param>
/// <param name="Limit">Bytes that may wait; more are dropped.</param>
public sealed record TokenBucket(ulong BytesPerSecond, uint Burst, uint Limit)
{
    /// <summary>A bucket in which no packet that is not dropped waits longer than this, once the burst is spent.</summary>
    public static TokenBucket WithLatency(ulong bytesPerSecond, uint burst, TimeSpan latency)
        => new(bytesPerSecond, burst, (uint)Math.Min(uint.MaxValue, (bytesPerSecond * latency.TotalSeconds) + burst));
}

/// <summary>A queueing discipline of an interface.</summary>
/// <param name="Link">Index of the interface.</param>
/// <param name="Kind">What it does: <c>tbf</c>, <c>ingress</c>, <c>fq_codel</c> …</param>
/// <param name="Handle">Its number.</param>
/// <param name="Parent">Where it hangs: <see cref="Root"/>, <see cref="Ingress"/>, or a class.</param>
public sealed record Qdisc(int Link, string Kind, uint Handle, uint Parent)
{
    /// <summary>What goes out (TC_H_ROOT).</summary>
    public const uint Root = 0xffffffff;

    /// <summary>What comes in (TC_H_INGRESS).</summary>
    public const uint Ingress = 0xfffffff1;

    /// <summary>For one of kind <c>tbf</c>.</summary>
    public TokenBucket? Bucket { get; init; }
}

/// <summary>Holds an interface to a rate, in the place of what ruled its sending before.</summary>
public sealed record SetTokenBucket(int Link, TokenBucket Bucket) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => TrafficControlMessages.WriteTokenBucket(batch, Link, Bucket);

    internal override string? MayLack => "token buckets (CONFIG_NET_SCH_TBF)";

    internal override bool IsLack(int errno) => errno is Errno.NotSupported or Errno.NoEntry;

    public override string ToString() => Text($"qdisc replace link {Link} root tbf rate {Bucket.BytesPerSecond}B/s burst {Bucket.Burst} limit {Bucket.Limit}");
}

/// <summary>Lets filters see what comes in by an interface; one that is there already stays.</summary>
public sealed record AddIngress(int Link) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => TrafficControlMessages.WriteIngress(batch, Link);

    internal override string? MayLack => "filters of what comes in (CONFIG_NET_SCH_INGRESS)";

    internal override bool IsLack(int errno) => errno is Errno.NotSupported or Errno.NoEntry;

    public override string ToString() => Text($"qdisc add link {Link} ingress");
}

/// <summary>Leads everything that comes in by an interface out by another: an <see cref="IfbSpec"/>, where it is then held to a rate.</summary>
public sealed record RedirectIngress(int Link, int To) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => TrafficControlMessages.WriteRedirection(batch, Link, To);

    internal override string? MayLack => "redirecting filters (CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED)";

    internal override bool IsLack(int errno) => errno is Errno.NotSupported or Errno.NoEntry;

    public override string ToString() => Text($"filter add link {Link} ingress redirect to link {To}");
}

/// <summary>Removes a queueing discipline with all that hangs on it; the kernel puts its own in the place of one that ruled the sending.</summary>
public sealed record DeleteQdisc(int Link, uint Parent) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => TrafficControlMessages.WriteDeletion(batch, Link, Parent);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"qdisc delete link {Link} parent {Parent:x8}");
}

/// <summary>struct tcmsg.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TrafficControlHeader
{
    internal uint Family;
    internal int Link;
    internal uint Handle;
    internal uint Parent;
    internal uint Parameter;
}
