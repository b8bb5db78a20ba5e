using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>A counter, quota or limit with a name, which several rules share (NFT_OBJECT_*).</summary>
public abstract record NftObject(string Name)
{
    public string? Comment { get; init; }

    internal abstract uint Type { get; }

    /// <summary>The word of nft for this kind.</summary>
    internal abstract string Kind { get; }

    /// <summary>What it is, in nft's words.</summary>
    internal abstract string Words { get; }

    internal abstract void Write(ref NetlinkWriter w);

    internal static uint TypeOf(string kind) => kind switch
    {
        "counter" => NftConstants.ObjectCounter,
        "quota" => NftConstants.ObjectQuota,
        "limit" => NftConstants.ObjectLimit,
        _ => throw new ArgumentException($"'{kind}' is none of counter, quota and limit", nameof(kind)),
    };

    internal static string KindOf(uint type) => type switch
    {
        NftConstants.ObjectCounter => "counter",
        NftConstants.ObjectQuota => "quota",
        3 => "ct helper",
        NftConstants.ObjectLimit => "limit",
        7 => "ct timeout",
        9 => "ct expectation",
        10 => "synproxy",
        _ => NftText.Invariant($"object {type}"),
    };

    /// <summary>An object as the kernel tells it; null where its kind is none of ours.</summary>
    internal static NftObject? Read(uint type, string name, string? comment, AttributeReader data) => type switch
    {
        NftConstants.ObjectCounter => new NftCounter(name) { Counts = NftCounts.Read(data), Comment = comment },
        NftConstants.ObjectQuota => NftQuota.Read(name, data) with { Comment = comment },
        NftConstants.ObjectLimit => new NftLimit(name, NftRate.Read(data)) { Comment = comment },
        _ => null,
    };
}

/// <summary>Packets and bytes that were counted.</summary>
public readonly record struct NftCounts(ulong Packets, ulong Bytes)
{
    public override string ToString() => NftText.Invariant($"packets {Packets} bytes {Bytes}");

    internal void Write(ref NetlinkWriter w)
    {
        w.BigEndian(NftConstants.CounterBytes, Bytes);
        w.BigEndian(NftConstants.CounterPackets, Packets);
    }

    internal static NftCounts Read(AttributeReader attributes)
    {
        var counts = default(NftCounts);
        while (attributes.TryRead(out var a))
        {
            counts = a.Type switch
            {
                NftConstants.CounterBytes => counts with { Bytes = a.BigEndian64 },
                NftConstants.CounterPackets => counts with { Packets = a.BigEndian64 },
                _ => counts,
            };
        }

        return counts;
    }
}

/// <summary>Counts packets and bytes over all rules that name it.</summary>
public sealed record NftCounter(string Name) : NftObject(Name)
{
    /// <summary>What it begins with, and when read what it has come to.</summary>
    public NftCounts Counts { get; init; }

    internal override uint Type => NftConstants.ObjectCounter;

    internal override string Kind => "counter";

    internal override string Words => Counts.ToString();

    internal override void Write(ref NetlinkWriter w) => Counts.Write(ref w);
}

/// <summary>A number of bytes that may pass, over all rules that name it.</summary>
/// <param name="Bytes">The number.</param>
/// <param name="IsOver">Whether it matches from there on, and not until then.</param>
public sealed record NftQuota(string Name, ulong Bytes, bool IsOver = false) : NftObject(Name)
{
    /// <summary>Bytes that have passed.</summary>
    public ulong Used { get; init; }

    internal override uint Type => NftConstants.ObjectQuota;

    internal override string Kind => "quota";

    internal override string Words => NftText.Quota(Bytes, IsOver, Used);

    internal override void Write(ref NetlinkWriter w)
    {
        w.BigEndian(NftConstants.QuotaBytes, Bytes);
        w.BigEndian(NftConstants.QuotaFlags, IsOver ? 1u : 0);
        if (Used != 0)
        {
            w.BigEndian(NftConstants.QuotaConsumed, Used);
        }
    }

    internal static NftQuota Read(string name, AttributeReader attributes)
    {
        var quota = new NftQuota(name, 0);
        while (attributes.TryRead(out var a))
        {
            quota = a.Type switch
            {
                NftConstants.QuotaBytes => quota with { Bytes = a.BigEndian64 },
                NftConstants.QuotaFlags => quota with { IsOver = (a.BigEndian32 & 1) != 0 },
                NftConstants.QuotaConsumed => quota with { Used = a.BigEndian64 },
                _ => quota,
            };
        }

        return quota;
    }
}

/// <summary>A rate, over all rules that name it.</summary>
public sealed record NftLimit(string Name, NftRate Rate) : NftObject(Name)
{
    internal override uint Type => NftConstants.ObjectLimit;

    internal override string Kind => "limit";

    internal override string Words => Rate.Words;

    internal override void Write(ref NetlinkWriter w) => Rate.Write(ref w);
}

/// <summary>How many packets, or bytes, in how much time.</summary>
/// <param name="Amount">Packets or bytes.</param>
/// <param name="Seconds">The time: 1, 60, 3600, 86400 or 604800.</param>
/// <param name="Burst">How many more at once.</param>
/// <param name="OfBytes">Whether bytes are counted.</param>
/// <param name="IsOver">Whether it matches what is beyond the rate, and not what is within.</param>
public readonly record struct NftRate(ulong Amount, ulong Seconds, uint Burst, bool OfBytes = false, bool IsOver = false)
{
    internal string Words
    {
        get
        {
            var over = IsOver ? "over " : "";
            if (!OfBytes)
            {
                // Five is what nft takes where nothing is said, and does not show.
                return NftText.Invariant($"rate {over}{Amount}/{Unit}{(Burst == 5 ? "" : NftText.Invariant($" burst {Burst} packets"))}");
            }

            var (amount, unit) = NftText.Bytes(Amount);
            var burst = NftText.Bytes(Burst);
            return NftText.Invariant($"rate {over}{amount} {unit}/{Unit}{(Burst == 0 ? "" : NftText.Invariant($" burst {burst.Amount} {burst.Unit}"))}");
        }
    }

    private string Unit => Seconds switch
    {
        60 => "minute",
        3600 => "hour",
        86400 => "day",
        604800 => "week",
        _ => "second",
    };

    internal void Write(ref NetlinkWriter w)
    {
        w.BigEndian(NftConstants.LimitRate, Amount);
        w.BigEndian(NftConstants.LimitUnit, Seconds);
        w.BigEndian(NftConstants.LimitBurst, Burst);
        w.BigEndian(NftConstants.LimitType, OfBytes ? 1u : 0);
        w.BigEndian(NftConstants.LimitFlags, IsOver ? 1u : 0);
    }

    internal static NftRate Read(AttributeReader attributes)
    {
        var rate = default(NftRate);
        while (attributes.TryRead(out var a))
        {
            rate = a.Type switch
            {
                NftConstants.LimitRate => rate with { Amount = a.BigEndian64 },
                NftConstants.LimitUnit => rate with { Seconds = a.BigEndian64 },
                NftConstants.LimitBurst => rate with { Burst = a.BigEndian32 },
                NftConstants.LimitType => rate with { OfBytes = a.BigEndian32 == 1 },
                NftConstants.LimitFlags => rate with { IsOver = (a.BigEndian32 & 1) != 0 },
                _ => rate,
            };
        }

        return rate;
    }
}
