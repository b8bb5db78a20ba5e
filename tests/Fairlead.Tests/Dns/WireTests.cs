using System.Net;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using FsCheck;
using FsCheck.Fluent;
using Record = Fairlead.Dns.Wire.Record;

namespace Fairlead.Tests.Dns;

/// <summary>The wire format: what is well formed survives the way there and back, what is not fails quietly.</summary>
public sealed class WireTests
{
    public static TheoryData<string, byte[]> BadNames => new()
    {
        { "a pointer to itself", [0xC0, 12] },
        { "a pointer forward", [0xC0, 14, 0] },
        { "a pointer past the end", [0xFF, 0xFF] },
        { "half a pointer", [0xC0] },
        { "a label past the end", [5, (byte)'a', (byte)'b'] },
        { "no root label", [1, (byte)'a'] },
        { "an empty message", [] },
        { "a reserved label kind, 0x40", [0x41, 0] },
        { "a reserved label kind, 0x80", [0x81, 0] },
        { "labels that add up to more than 255 bytes", [.. Enumerable.Repeat<byte[]>([63, .. new byte[63]], 4).SelectMany(l => l), 0] },
    };

    [Theory, MemberData(nameof(BadNames))]
    public void A_bad_name_is_not_read(string because, byte[] name)
    {
        byte[] message = [.. new byte[DnsHeader.Size], .. name];
        var reader = new DnsReader(message);
        reader.TrySkip(DnsHeader.Size);

        var read = reader.TryReadName(new byte[WireName.MaxLength], out var written);

        Assert.False(read, because);
        Assert.Equal(0, written);
        Assert.Equal(DnsHeader.Size, reader.Position);
    }

    [Fact]
    public void Two_pointers_at_each_other_end()
    {
        byte[] message = [.. new byte[12], 1, (byte)'a', 0xC0, 16, 0xC0, 12];
        var reader = new DnsReader(message);
        reader.TrySkip(16);

        Assert.False(reader.TryReadName(new byte[WireName.MaxLength], out _));
    }

    [Fact]
    public void A_chain_of_more_than_sixteen_pointers_is_refused()
    {
        var message = new byte[12 + 1 + (2 * 20)];
        for (var i = 0; i < 20; i++)
        {
            var target = i == 0 ? 12 : 13 + (2 * (i - 1));
            (message[13 + (2 * i)], message[14 + (2 * i)]) = (0xC0, (byte)target);
        }

        Assert.True(ReadsAt(message, 13 + (2 * 14)));
        Assert.False(ReadsAt(message, 13 + (2 * 18)));
    }

    [Fact]
    public void A_name_is_read_in_lower_case_or_as_spelled()
    {
        byte[] message = [3, (byte)'W', (byte)'w', (byte)'W', 0];
        var name = new byte[WireName.MaxLength];

        new DnsReader(message).TryReadName(name, out var length);
        Assert.Equal("www.", DnsName.Format(name.AsSpan(0, length)));
        new DnsReader(message).TryReadNameAsSpelled(name, out length);
        Assert.Equal("WwW.", DnsName.Format(name.AsSpan(0, length)));
    }

    [Theory]
    [InlineData("example.org", "example.org.")]
    [InlineData("example.org.", "example.org.")]
    [InlineData(".", ".")]
    [InlineData(@"a\.b.c", @"a\.b.c.")]
    [InlineData(@"a\032b", @"a\032b.")]
    [InlineData("_http._tcp.web", "_http._tcp.web.")]
    public void Names_have_a_text_form(string text, string expected) => Assert.Equal(expected, DnsName.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData(".a")]
    [InlineData(@"a\")]
    [InlineData(@"a\999")]
    [InlineData("a123456789012345678901234567890123456789012345678901234567890123.org")]
    public void What_is_no_name_is_refused(string text) => Assert.False(DnsName.TryParse(text, out _));

    [Theory]
    [InlineData("10.96.0.10", "10.0.96.10.in-addr.arpa.")]
    [InlineData("fd00::1", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa.")]
    public void Addresses_have_reverse_names_and_back(string address, string name)
    {
        var reverse = DnsName.Reverse(IPAddress.Parse(address));
        var bytes = new byte[16];

        Assert.Equal(name, reverse.ToString());
        Assert.True(WireName.TryReadReverse(reverse.Wire, bytes, out var written));
        Assert.Equal(IPAddress.Parse(address), new IPAddress(bytes.AsSpan(0, written)));
    }

    [Fact]
    public void Every_record_type_survives_the_wire()
    {
        var name = DnsName.Parse("web.default.svc.cluster.local");
        var other = DnsName.Parse("mail.default.svc.cluster.local");
        Record[] records =
        [
            Record.ForAddress(name, 5, IPAddress.Parse("10.0.0.1")),
            Record.ForAddress(name, 5, IPAddress.Parse("fd00::1")),
            Record.ForName(name, 5, RecordType.CNAME, other),
            Record.ForName(name, 5, RecordType.PTR, other),
            Record.ForName(name, 5, RecordType.NS, other),
            Record.ForSrv(name, 5, 0, 100, 443, other),
            Record.ForMx(name, 5, 10, other),
            Record.ForText(name, 5, new string('x', 300)),
            Record.ForSoa(name, 5, other, name, 1, 7200, 1800, 86400, 5),
        ];

        var writer = new DnsWriter(new byte[4096]);
        writer.TryWriteQuestion(name.Wire, RecordType.ANY, RecordClass.IN);
        foreach (var record in records)
        {
            Assert.True(writer.TryWriteRecord(record));
        }

        var bytes = writer.Finish(new DnsHeader(7, DnsHeader.Word(DnsFlags.Response, 0, 0), 1, (ushort)records.Length, 0, 0));

        Assert.True(DnsMessage.TryParse(bytes, out var message));
        Assert.Equal<Record>(records, message.Answers.AsEnumerable());
        Assert.Equal(records.Select(r => r.ToString()), message.Answers.Select(r => r.ToString()));
    }

    [Fact]
    public void A_name_is_not_taken_to_stand_where_a_message_before_it_left_bytes()
    {
        var buffer = new byte[512];
        new DnsWriter(buffer).TryWriteQuestion(DnsName.Parse("a.b").Wire, RecordType.A, RecordClass.IN);

        var writer = new DnsWriter(buffer);
        Assert.True(writer.TryWriteQuestion(DnsName.Parse("a.a.b").Wire, RecordType.A, RecordClass.IN));

        Assert.Equal(DnsName.Parse("a.a.b").Wire.ToArray(), buffer[DnsHeader.Size..(writer.Position - 4)]);
    }

    [Fact]
    public void Names_are_compressed_and_SRV_targets_are_not()
    {
        var name = DnsName.Parse("web.default.svc.cluster.local");
        var writer = new DnsWriter(new byte[512]);
        writer.TryWriteQuestion(name.Wire, RecordType.A, RecordClass.IN);
        var question = writer.Position;

        writer.TryWriteRecord(Record.ForAddress(name, 5, IPAddress.Parse("10.0.0.1")));
        Assert.Equal(question + 16, writer.Position);
        writer.TryWriteRecord(Record.ForName(name, 5, RecordType.CNAME, DnsName.Parse("db.default.svc.cluster.local")));
        Assert.Equal(question + 16 + 12 + 5, writer.Position);
        writer.TryWriteRecord(Record.ForSrv(name, 5, 0, 1, 1, name));
        Assert.Equal(question + 16 + 12 + 5 + 12 + 6 + name.Wire.Length, writer.Position);
    }

    [Fact]
    public void What_does_not_fit_leaves_the_message_as_it_was()
    {
        var name = DnsName.Parse("a.example");
        var writer = new DnsWriter(new byte[DnsHeader.Size + name.Wire.Length + 4 + 15]);
        writer.TryWriteQuestion(name.Wire, RecordType.A, RecordClass.IN);
        var before = writer.Position;

        Assert.False(writer.TryWriteRecord(Record.ForAddress(name, 5, IPAddress.Loopback)));
        Assert.Equal(before, writer.Position);
    }

    [Fact]
    public void Counts_a_message_cannot_hold_cost_nothing()
    {
        byte[] message = [0, 1, 0x80, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.False(DnsMessage.TryParse(message, out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 * 1024);
    }

    [Fact]
    public void Random_bytes_never_throw()
        => Prop.ForAll<byte[]>(bytes =>
        {
            Digest(bytes);
            return true;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Damaged_messages_never_throw()
    {
        var seed = Sample();
        var damage = (from count in Gen.Choose(1, 8)
                      from places in Gen.ArrayOf(Gen.Choose(0, seed.Length - 1), count)
                      from values in Gen.ArrayOf(Gen.Choose(0, 255), count)
                      from length in Gen.Choose(0, seed.Length)
                      select (places, values, length)).ToArbitrary();
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(5000), Prop.ForAll(damage, d =>
        {
            var bytes = (byte[])seed.Clone();
            foreach (var (place, value) in d.places.Zip(d.values))
            {
                bytes[place] = (byte)value;
            }

            Digest(bytes);
            Digest(bytes[..d.length]);
        }));
    }

    /// <summary>Everything a stranger's bytes go through.</summary>
    private static void Digest(byte[] bytes)
    {
        if (DnsMessage.TryParse(bytes, out var message))
        {
            _ = message.ToString();
        }

        var context = new DnsContext();
        context.TryReadRequest(bytes, DnsTransport.Udp);
        Assert.InRange(ReplyWriter.Write(context, new byte[Edns.OfferedPayload]), 0, Math.Max(bytes.Length, DnsHeader.Size) + Edns.RecordSize);
    }

    private static byte[] Sample()
    {
        var name = DnsName.Parse("web.default.svc.cluster.local");
        var writer = new DnsWriter(new byte[1024]);
        writer.TryWriteQuestion(name.Wire, RecordType.A, RecordClass.IN);
        writer.TryWriteRecord(Record.ForAddress(name, 5, IPAddress.Loopback));
        writer.TryWriteRecord(Record.ForSoa(name, 5, name, name, 1, 2, 3, 4, 5));
        writer.TryWriteRecord(Record.ForSrv(name, 5, 0, 1, 1, name));
        writer.TryWriteEdns(1232, 0, 0, false);
        return writer.Finish(new DnsHeader(1, 0x0100, 1, 1, 1, 2)).ToArray();
    }

    private static bool ReadsAt(byte[] message, int at)
    {
        var reader = new DnsReader(message);
        reader.TrySkip(at);
        return reader.TryReadName(new byte[WireName.MaxLength], out _);
    }
}
