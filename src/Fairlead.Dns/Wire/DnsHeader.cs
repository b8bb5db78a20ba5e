using System.Buffers.Binary;

namespace Fairlead.Dns.Wire;

/// <summary>The bits of a message's second word (RFC 1035 §4.1.1, RFC 4035 §3.2).</summary>
[Flags]
public enum DnsFlags : ushort
{
    None = 0,
    Response = 0x8000,
    Authoritative = 0x0400,
    Truncated = 0x0200,
    RecursionDesired = 0x0100,
    RecursionAvailable = 0x0080,
    AuthenticData = 0x0020,
    CheckingDisabled = 0x0010,
}

/// <summary>The twelve bytes every message starts with.</summary>
public readonly record struct DnsHeader(ushort Id, ushort FlagWord, ushort Questions, ushort Answers, ushort Authorities, ushort Additionals)
{
    public const int Size = 12;

    /// <summary>The flag bits alone, without opcode and response code.</summary>
    public DnsFlags Flags => (DnsFlags)(FlagWord & 0x87F0 & ~0x0040);

    public int Opcode => (FlagWord >> 11) & 15;

    /// <summary>The lower four bits of the response code; an OPT record may hold more.</summary>
    public ResponseCode Code => (ResponseCode)(FlagWord & 15);

    public static ushort Word(DnsFlags flags, int opcode, ResponseCode code) => (ushort)((ushort)flags | (opcode << 11) | ((ushort)code & 15));

    public static bool TryRead(ReadOnlySpan<byte> message, out DnsHeader header)
    {
        header = default;
        if (message.Length < Size)
        {
            return false;
        }

        header = new DnsHeader(
            BinaryPrimitives.ReadUInt16BigEndian(message),
            BinaryPrimitives.ReadUInt16BigEndian(message[2..]),
            BinaryPrimitives.ReadUInt16BigEndian(message[4..]),
            BinaryPrimitives.ReadUInt16BigEndian(message[6..]),
            BinaryPrimitives.ReadUInt16BigEndian(message[8..]),
            BinaryPrimitives.ReadUInt16BigEndian(message[10..]));
        return true;
    }

    /// <summary>Writes the header to the front of a buffer that has room for it.</summary>
    public void Write(Span<byte> message)
    {
        BinaryPrimitives.WriteUInt16BigEndian(message, Id);
        BinaryPrimitives.WriteUInt16BigEndian(message[2..], FlagWord);
        BinaryPrimitives.WriteUInt16BigEndian(message[4..], Questions);
        BinaryPrimitives.WriteUInt16BigEndian(message[6..], Answers);
        BinaryPrimitives.WriteUInt16BigEndian(message[8..], Authorities);
        BinaryPrimitives.WriteUInt16BigEndian(message[10..], Additionals);
    }
}
