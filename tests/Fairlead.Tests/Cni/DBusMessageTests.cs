using Fairlead.Cni.DBus;

namespace Fairlead.Tests.Cni;

/// <summary>Messages of D-Bus as bytes.</summary>
public sealed class DBusMessageTests
{
    private static readonly DBusMessage s_call = new(DBusMessageType.Call)
    {
        Serial = 7, Destination = "org.example.Name", ObjectPath = "/org/example", Interface = "org.example.Zone", Member = "addSource", Body = ["trusted", "10.0.0.2/32"],
    };

    [Fact]
    public void What_is_written_reads_back()
    {
        foreach (var message in new[]
        {
            s_call,
            new DBusMessage(DBusMessageType.Return) { Serial = 1, ReplySerial = 7, Destination = ":1.5", Body = [true, 42u, ""] },
            new DBusMessage(DBusMessageType.Error) { Serial = 2, ReplySerial = 8, Error = "org.example.No", Body = ["ä"] },
            new DBusMessage(DBusMessageType.Signal) { Serial = 3 },
        })
        {
            var bytes = message.Encode();
            var back = DBusMessage.Decode(bytes);

            Assert.Equal(bytes.Length, DBusMessage.LengthOf(bytes));
            Assert.Equal(message.Body, back.Body);
            Assert.Equal(message with { Body = [] }, back with { Body = [] });
        }
    }

    /// <summary>Fixed head, fields on borders of eight bytes each, and the same before the body.</summary>
    [Fact]
    public void A_call_has_the_specifications_bytes()
    {
        var bytes = new DBusMessage(DBusMessageType.Call) { Serial = 1, ObjectPath = "/a", Member = "M" }.Encode();

        Assert.Equal("6c010001" + "00000000" + "01000000" + "1a000000" + "01016f00020000002f6100" + "0000000000" + "03017300010000004d00" + "000000000000", Convert.ToHexStringLower(bytes));
    }

    [Fact]
    public void Bytes_that_are_cut_or_changed_are_refused_or_read_and_never_worse()
    {
        var bytes = s_call.Encode();
        for (var length = DBusMessage.PrefixLength; length < bytes.Length; length++)
        {
            var cut = bytes[..length];
            _ = Assert.ThrowsAny<Exception>(() => DBusMessage.Decode(cut));
        }

        for (var i = 0; i < bytes.Length; i++)
        {
            var changed = (byte[])bytes.Clone();
            changed[i] ^= 0x55;
            var fault = Record.Exception(() => DBusMessage.LengthOf(changed) == changed.Length ? DBusMessage.Decode(changed) : null);
            Assert.True(fault is null or InvalidDataException, $"{i}: {fault}");
        }
    }
}
