namespace Fairlead.Dns.Wire;

/// <summary>What a message's OPT record says (RFC 6891): how much its sender can take, and which version it speaks.</summary>
/// <param name="PayloadSize">The largest UDP message the sender takes; 512 when there was no OPT record.</param>
public readonly record struct Edns(bool Present, ushort PayloadSize, byte Version, bool DnssecOk, byte ExtendedCode)
{
    /// <summary>The size of an OPT record without options.</summary>
    public const int RecordSize = 11;

    /// <summary>What every UDP client can take (RFC 1035 §4.2.1).</summary>
    public const int MinimumPayload = 512;

    /// <summary>What we offer and never exceed over UDP: no fragment on any sane path (DNS flag day 2020).</summary>
    public const ushort OfferedPayload = 1232;

    public static Edns None => new(false, MinimumPayload, 0, false, 0);

    /// <summary>What the OPT record of this class and time to live says.</summary>
    internal static Edns From(ushort @class, uint ttl)
        => new(true, Math.Max(@class, (ushort)MinimumPayload), (byte)(ttl >> 16), (ttl & 0x8000) != 0, (byte)(ttl >> 24));
}
