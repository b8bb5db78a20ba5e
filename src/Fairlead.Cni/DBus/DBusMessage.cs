using System.Buffers.Binary;
using System.Text;

namespace Fairlead.Cni.DBus;

/// <summary>What a message of D-Bus is (D-Bus specification, message format).</summary>
internal enum DBusMessageType : byte
{
    Call = 1,
    Return = 2,
    Error = 3,
    Signal = 4,
}

/// <summary>A message of D-Bus whose body is texts and booleans, which is all that is spoken here. Little-endian.</summary>
internal sealed record DBusMessage(DBusMessageType Type)
{
    /// <summary>Bytes that come before it is known how long a message is.</summary>
    public const int PrefixLength = 16;

    private const int Longest = 1 << 20;
    private const byte Path = 1;
    private const byte InterfaceName = 2;
    private const byte MemberName = 3;
    private const byte ErrorName = 4;
    private const byte ReplyTo = 5;
    private const byte DestinationName = 6;
    private const byte SenderName = 7;
    private const byte SignatureOfBody = 8;

    public uint Serial { get; init; }

    public uint ReplySerial { get; init; }

    public string ObjectPath { get; init; } = "";

    public string Interface { get; init; } = "";

    public string Member { get; init; } = "";

    public string Destination { get; init; } = "";

    public string Sender { get; init; } = "";

    public string Error { get; init; } = "";

    /// <summary>Texts (<c>s</c>), booleans (<c>b</c>) and numbers (<c>u</c>).</summary>
    public IReadOnlyList<object> Body { get; init; } = [];

    public byte[] Encode()
    {
        var body = new Writer();
        var signature = "";
        foreach (var value in Body)
        {
            switch (value)
            {
                case string text:
                    signature += 's';
                    body.Text(text);
                    break;
                case bool flag:
                    signature += 'b';
                    body.Number(flag ? 1u : 0);
                    break;
                case uint number:
                    signature += 'u';
                    body.Number(number);
                    break;
                default:
                    throw new NotSupportedException($"a {value.GetType().Name} in a message of D-Bus");
            }
        }

        var all = new Writer();
        all.Bytes((byte)'l', (byte)Type, 0, 1);
        all.Number((uint)body.Length);
        all.Number(Serial);
        var lengthAt = all.Length;
        all.Number(0);
        var start = all.Length;
        foreach (var (code, type, text) in (ReadOnlySpan<(byte, char, string)>)
            [
                (Path, 'o', ObjectPath), (InterfaceName, 's', Interface), (MemberName, 's', Member), (ErrorName, 's', Error),
                (DestinationName, 's', Destination), (SignatureOfBody, 'g', signature),
            ])
        {
            if (text.Length > 0)
            {
                all.Align(8);
                all.Bytes(code, 1, (byte)type, 0);
                if (type == 'g')
                {
                    all.Signature(text);
                }
                else
                {
                    all.Text(text);
                }
            }
        }

        if (ReplySerial != 0)
        {
            all.Align(8);
            all.Bytes(ReplyTo, 1, (byte)'u', 0);
            all.Number(ReplySerial);
        }

        all.SetNumber(lengthAt, (uint)(all.Length - start));
        all.Align(8);
        all.Bytes(body.ToArray());
        return all.ToArray();
    }

    /// <summary>How long a message is whose first bytes these are.</summary>
    /// <exception cref="InvalidDataException">It is none, or longer than any that is spoken here.</exception>
    public static int LengthOf(ReadOnlySpan<byte> prefix)
    {
        if (prefix[0] != 'l')
        {
            throw new InvalidDataException("D-Bus: a message in another byte order");
        }

        var (body, fields) = (BinaryPrimitives.ReadUInt32LittleEndian(prefix[4..]), BinaryPrimitives.ReadUInt32LittleEndian(prefix[12..]));
        return body <= Longest && fields <= Longest
            ? PrefixLength + (((int)fields + 7) & ~7) + (int)body
            : throw new InvalidDataException("D-Bus: a message that is too long");
    }

    /// <exception cref="InvalidDataException">The bytes make no message.</exception>
    public static DBusMessage Decode(ReadOnlySpan<byte> bytes)
    {
        var message = new DBusMessage((DBusMessageType)bytes[1]) { Serial = BinaryPrimitives.ReadUInt32LittleEndian(bytes[8..]) };
        var end = PrefixLength + (int)BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        var reader = new Reader(bytes[..end]) { Position = PrefixLength };
        var signature = "";
        while (reader.Position < end)
        {
            reader.Align(8);
            var code = reader.Byte();
            var type = reader.Signature();
            var (text, number) = type switch
            {
                "s" or "o" => (reader.Text(), 0u),
                "g" => (reader.Signature(), 0u),
                "u" => ("", reader.Number()),
                _ => throw new InvalidDataException($"D-Bus: a header field of type '{type}'"),
            };
            (message, signature) = code switch
            {
                Path => (message with { ObjectPath = text }, signature),
                InterfaceName => (message with { Interface = text }, signature),
                MemberName => (message with { Member = text }, signature),
                ErrorName => (message with { Error = text }, signature),
                DestinationName => (message with { Destination = text }, signature),
                SenderName => (message with { Sender = text }, signature),
                ReplyTo => (message with { ReplySerial = number }, signature),
                SignatureOfBody => (message, text),
                _ => (message, signature),
            };
        }

        // What comes after a value of another type is not looked at: nobody here asks for such.
        var body = new Reader(bytes) { Position = (end + 7) & ~7 };
        var values = new List<object>();
        foreach (var type in signature.TakeWhile(t => t is 's' or 'o' or 'b' or 'u'))
        {
            values.Add(type switch
            {
                'b' => body.Number() != 0,
                'u' => body.Number(),
                _ => body.Text(),
            });
        }

        return message with { Body = values };
    }

    private sealed class Writer
    {
        private readonly List<byte> _bytes = [];

        public int Length => _bytes.Count;

        public void Align(int to)
        {
            while (_bytes.Count % to != 0)
            {
                _bytes.Add(0);
            }
        }

        public void Bytes(params ReadOnlySpan<byte> bytes) => _bytes.AddRange(bytes);

        public void Number(uint number)
        {
            Align(4);
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteUInt32LittleEndian(bytes, number);
            Bytes(bytes);
        }

        public void SetNumber(int at, uint number)
        {
            for (var i = 0; i < 4; i++)
            {
                _bytes[at + i] = (byte)(number >> (8 * i));
            }
        }

        public void Text(string text)
        {
            var bytes = Encoding.UTF8.GetBytes(text);
            Number((uint)bytes.Length);
            Bytes(bytes);
            Bytes(0);
        }

        public void Signature(string text)
        {
            Bytes((byte)text.Length);
            Bytes(Encoding.ASCII.GetBytes(text));
            Bytes(0);
        }

        public byte[] ToArray() => [.. _bytes];
    }

    private ref struct Reader(ReadOnlySpan<byte> bytes)
    {
        private readonly ReadOnlySpan<byte> _bytes = bytes;

        public int Position { get; set; }

        public void Align(int to) => Position = (Position + to - 1) & ~(to - 1);

        public byte Byte() => Take(1)[0];

        public uint Number()
        {
            Align(4);
            return BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        }

        public string Text()
        {
            var length = Number();
            var text = Encoding.UTF8.GetString(Take(length));
            _ = Take(1);
            return text;
        }

        public string Signature()
        {
            var text = Encoding.ASCII.GetString(Take(Byte()));
            _ = Take(1);
            return text;
        }

        private ReadOnlySpan<byte> Take(uint length)
        {
            if (length > _bytes.Length - Position)
            {
                throw new InvalidDataException("D-Bus: a message ends too early");
            }

            var taken = _bytes.Slice(Position, (int)length);
            Position += (int)length;
            return taken;
        }
    }
}
