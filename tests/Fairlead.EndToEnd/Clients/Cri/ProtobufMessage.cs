using System.Text;

namespace Fairlead.EndToEnd.Clients.Cri;

/// <summary>A protobuf message that was read: its fields by number, unknown ones too.</summary>
internal sealed class ProtobufMessage
{
    private readonly List<(int Field, ulong Number, byte[] Bytes)> _fields = [];

    public ProtobufMessage(ReadOnlySpan<byte> message)
    {
        while (message.Length > 0)
        {
            var tag = Varint(ref message);
            var (number, length) = (tag & 7) switch
            {
                0 => (Varint(ref message), 0),
                1 => (0UL, 8),
                2 => (0UL, (int)Varint(ref message)),
                5 => (0UL, 4),
                _ => throw new InvalidDataException($"wire type {tag & 7}"),
            };
            _fields.Add(((int)(tag >> 3), number, message[..length].ToArray()));
            message = message[length..];
        }
    }

    public string Text(int field) => Encoding.UTF8.GetString(_fields.LastOrDefault(f => f.Field == field).Bytes ?? []);

    public ulong Number(int field) => _fields.LastOrDefault(f => f.Field == field).Number;

    public ProtobufMessage Message(int field) => Messages(field).LastOrDefault() ?? new ProtobufMessage([]);

    public IEnumerable<ProtobufMessage> Messages(int field) => _fields.Where(f => f.Field == field).Select(f => new ProtobufMessage(f.Bytes));

    private static ulong Varint(ref ReadOnlySpan<byte> bytes)
    {
        var value = 0UL;
        for (var shift = 0; ; shift += 7)
        {
            var next = bytes[0];
            bytes = bytes[1..];
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }
    }
}
