using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Conntrack;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;
using FsCheck;
using FsCheck.Fluent;

namespace Fairlead.Tests.Linux;

public sealed class NetlinkCodecTests
{
    [Fact]
    public void What_is_written_reads_back()
        => Prop.ForAll<byte[], uint, string>((bytes, number, text) =>
        {
            var port = (ushort)(number * 7);
            text = new string([.. (text ?? "").Where(c => c is not '\0' && !char.IsSurrogate(c)).Take(200)]);
            var writer = new NetlinkWriter(new byte[8192], 20, NetlinkFlags.Request);
            writer.Header(new AddressHeader { Family = 2, Index = 7 });
            writer.Attribute(1, bytes);
            var nest = writer.BeginNested(2);
            writer.Attribute(3, number);
            writer.BigEndian(4, port);
            writer.Attribute(5, text);
            writer.EndNested(nest);
            writer.Flag(6);
            var message = Single(writer.Finish(9).ToArray());

            var reader = message.Attributes<AddressHeader>(out var header);
            return (message.Type, message.Sequence, header.Family, header.Index) == (20, 9, 2, 7)
                && reader.TryRead(out var first) && first.Type == 1 && first.Value.SequenceEqual(bytes)
                && reader.TryRead(out var second) && second.Type == 2 && NestIs(second.Nested, number, port, text)
                && reader.TryRead(out var last) && last.Type == 6 && last.Value.IsEmpty
                && !reader.TryRead(out _);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void No_input_throws_or_is_read_past_its_end()
        => Prop.ForAll<byte[]>(ReadAll).QuickCheckThrowOnFailure();

    [Fact]
    public void No_cut_or_changed_message_throws()
    {
        var whole = Sample();
        for (var length = 0; length <= whole.Length; length++)
        {
            ReadAll(whole[..length]);
        }

        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var changed = (byte[])whole.Clone();
            for (var n = random.Next(1, 5); n > 0; n--)
            {
                changed[random.Next(changed.Length)] = (byte)random.Next(256);
            }

            ReadAll(changed);
        }
    }

    [Fact]
    public void An_attribute_longer_than_its_length_can_tell_is_refused()
        => Assert.Throws<InvalidOperationException>(() =>
        {
            var writer = new NetlinkWriter(new byte[80_000], 20, NetlinkFlags.Request);
            writer.Attribute(1, new byte[65_533]);
        });

    [Fact]
    public void A_message_that_does_not_fit_its_buffer_is_refused()
        => Assert.ThrowsAny<Exception>(() =>
        {
            var writer = new NetlinkWriter(new byte[32], 20, NetlinkFlags.Request);
            writer.Attribute(1, new byte[64]);
        });

    [Theory]
    [InlineData(0, null, null)]
    [InlineData(-17, "File exists", "File exists (IFLA_LINK)")]
    public void A_refusal_says_the_kernels_words_and_the_attribute(int error, string? words, string? expected)
    {
        var request = new NetlinkWriter(new byte[256], 16, NetlinkFlags.Request);
        request.Header(default(LinkHeader));
        request.Attribute(5, 1u);
        var sent = request.Finish(3).ToArray();
        var answer = new NetlinkWriter(new byte[256], NetlinkConstants.MessageError, NetlinkFlags.Capped | NetlinkFlags.ErrorAttributes);
        answer.Header(error);
        answer.Raw(sent.AsSpan(0, NetlinkConstants.HeaderLength));
        if (words is not null)
        {
            answer.Attribute(NetlinkConstants.ErrorAttributeMessage, words);
            answer.Attribute(NetlinkConstants.ErrorAttributeOffset, 32u);
        }

        var refusal = NetlinkRefusal.Read(Single(answer.Finish(3).ToArray()), sent);

        Assert.Equal(expected, refusal?.Detail);
        Assert.Equal(error, -(refusal?.Errno ?? 0));
    }

    [Theory]
    [InlineData("the top", -1, 4, "IFLA_MTU is missing")]
    [InlineData("a nest", 0, 3, "IFLA_INFO_XSTATS is missing")]
    [InlineData("a nest within", 1, 5, "IFLA_BR_STP_STATE is missing")]
    [InlineData("no number we know", -1, 900, "attribute 900 is missing")]
    public void A_refusal_says_what_is_missing_where(string where, int nest, uint type, string expected)
    {
        _ = where;
        var request = new NetlinkWriter(new byte[256], RouteConstants.RtmNewLink, NetlinkFlags.Request);
        request.Header(default(LinkHeader));
        request.Attribute(RouteConstants.IflaIfName, "br0");
        var starts = new[] { request.Length, 0 };
        var info = request.BeginNested(RouteConstants.IflaLinkInfo);
        request.Attribute(RouteConstants.IflaInfoKind, "bridge");
        starts[1] = request.Length;
        var data = request.BeginNested(RouteConstants.IflaInfoData);
        request.Attribute(RouteConstants.IflaBrPriority, (ushort)1);
        request.EndNested(data);
        request.EndNested(info);
        var sent = request.Finish(3).ToArray();
        var answer = new NetlinkWriter(new byte[256], NetlinkConstants.MessageError, NetlinkFlags.Capped | NetlinkFlags.ErrorAttributes);
        answer.Header(-22);
        answer.Raw(sent.AsSpan(0, NetlinkConstants.HeaderLength));
        answer.Attribute(NetlinkConstants.ErrorAttributeMissingType, type);
        if (nest >= 0)
        {
            answer.Attribute(NetlinkConstants.ErrorAttributeMissingNest, (uint)starts[nest]);
        }

        var refusal = NetlinkRefusal.Read(Single(answer.Finish(3).ToArray()), sent)!;

        Assert.Equal(expected, refusal.Detail);
        Assert.Equal(expected, $"{refusal.ToException("x").Attribute} is missing");
    }

    [Theory]
    [InlineData("range", 4, 5, "IFLA_BR_PRIORITY, allowed are 1 to 9")]
    [InlineData("signed range", 2, 3, "IFLA_BR_PRIORITY, allowed are 1 to 9")]
    public void A_refusal_says_what_would_be_taken(string because, ushort least, ushort most, string expected)
    {
        _ = because;
        var request = new NetlinkWriter(new byte[256], RouteConstants.RtmNewLink, NetlinkFlags.Request);
        request.Header(default(LinkHeader));
        var info = request.BeginNested(RouteConstants.IflaLinkInfo);
        request.Attribute(RouteConstants.IflaInfoKind, "bridge");
        var data = request.BeginNested(RouteConstants.IflaInfoData);
        var offending = request.Length;
        request.Attribute(RouteConstants.IflaBrPriority, (ushort)1);
        request.EndNested(data);
        request.EndNested(info);
        var sent = request.Finish(3).ToArray();
        var answer = new NetlinkWriter(new byte[256], NetlinkConstants.MessageError, NetlinkFlags.Capped | NetlinkFlags.ErrorAttributes);
        answer.Header(-34);
        answer.Raw(sent.AsSpan(0, NetlinkConstants.HeaderLength));
        answer.Attribute(NetlinkConstants.ErrorAttributeOffset, (uint)offending);
        var policy = answer.BeginNested(NetlinkConstants.ErrorAttributePolicy);
        answer.Attribute(least, 1UL);
        answer.Attribute(most, 9UL);
        answer.EndNested(policy);

        Assert.Equal(expected, NetlinkRefusal.Read(Single(answer.Finish(3).ToArray()), sent)!.Detail);
    }

    [Fact]
    public void Elements_are_cut_into_messages_below_the_limit_of_a_length()
    {
        var set = new NftSet("s", [NftType.Ipv4Address, NftType.InetService]);
        var elements = Enumerable.Range(0, 10_000)
            .Select(i => new NftElement([new IPAddress([10, 0, (byte)(i >> 8), (byte)i]), i]) { Comment = new string('x', 100) })
            .ToArray();
        var encoded = NftablesSocket.Encode(new NftTransaction(NftFamily.Ip, "t").Add(new AddElements(set, (IReadOnlyList<NftElement>)elements)));

        var read = new List<NftElement>();
        var reader = new NetlinkReader(encoded);
        while (reader.TryRead(out var message))
        {
            Assert.InRange(message.Payload.Length, 1, ushort.MaxValue);
            read.AddRange(NftSetDump.ReadElements(message, set)!.Select(e => e.Element));
        }

        Assert.Equal(elements, read);
    }

    private static NetlinkMessage Single(byte[] bytes)
    {
        var reader = new NetlinkReader(bytes);
        Assert.True(reader.TryRead(out var message));
        return message;
    }

    private static bool NestIs(AttributeReader reader, uint number, ushort port, string text)
        => reader.TryRead(out var a) && a.UInt32 == number
            && reader.TryRead(out var b) && b.BigEndian16 == port
            && reader.TryRead(out var c) && c.Text == text
            && !reader.TryRead(out _);

    /// <summary>Gives the bytes to every parser there is.</summary>
    private static void ReadAll(byte[] bytes)
    {
        var map = new NftSet("m", [NftType.Ipv4Address, NftType.InetService]) { Data = [NftType.Ipv4Address] };
        var intervals = new NftSet("i", [NftType.Ipv4Address]) { IsInterval = true, IsVerdictMap = true };
        _ = RouteMonitor.Read(bytes);
        var reader = new NetlinkReader(bytes);
        while (reader.TryRead(out var message))
        {
            _ = NetlinkRefusal.Read(message, bytes);
            _ = RuleMessages.Read(message);
            _ = NftDump.ReadTable(message);
            _ = NftDump.ReadChain(message, NftFamily.Ip, "t");
            _ = NftDump.ReadRule(message, "t", null);
            _ = NftSetDump.ReadSet(message, "t");
            _ = NftSetDump.Join(map, NftSetDump.ReadElements(message, map) ?? []);
            _ = NftSetDump.Join(intervals, NftSetDump.ReadElements(message, intervals) ?? []);
            _ = ConntrackMessages.Read(message);
        }
    }

    /// <summary>One datagram with a message of each kind, as far as we write what we read.</summary>
    private static byte[] Sample()
    {
        using var batch = new NetlinkBatch(1);
        RouteOperation[] operations =
        [
            new CreateLink(new VxlanSpec("fairlead.1") { Vni = 1, Local = IPAddress.Loopback, Device = 2, Mac = MacAddress.Zero, Mtu = 1450, Master = 3 }),
            new SetLink(4, new() { Name = "eth0", Alias = "pods", Hairpin = true, Isolated = true }),
            new AddAltName(4, "fairlead.dev/pods"),
            new ReplaceAddress(new(4, InterfaceAddress.Parse("10.0.0.1/24")) { Flags = AddressFlags.NoPrefixRoute, Peer = IPAddress.Loopback }),
            new ReplaceRoute(new(IPNetwork.Parse("2001:db8::/32")) { Gateway = IPAddress.IPv6Loopback, Link = 4, Metric = 7, Mtu = 1400 }),
            new ReplaceRoute(new(IPNetwork.Parse("10.0.0.0/8")) { Gateway = IPAddress.IPv6Loopback, Link = 4, Source = IPAddress.Loopback }),
            new ReplaceNeighbour(new(4, IPAddress.Loopback, MacAddress.Zero)),
            new ReplaceFdb(new(4, MacAddress.Zero) { Destination = IPAddress.Loopback, UdpPort = 8472, Vni = 1, Vlan = 2 }),
            new AddRoutingRule(new(false, 100) { Source = IPNetwork.Parse("10.0.0.0/8"), Mark = 1 }),
        ];
        foreach (var operation in operations)
        {
            operation.Encode(batch);
        }

        var map = new NftSet("m", [NftType.Ipv4Address, NftType.InetService]) { Data = [NftType.Ipv4Address], Comment = "c", Timeout = TimeSpan.FromHours(1) };
        new NftTransaction(NftFamily.Ip, "t")
            .Add(new AddTable("table")).Add(new AddChain("c", new(NftChainType.Nat, NftHook.Prerouting, -100), "chain")).Add(new AddSet(map))
            .Add(new AddRule("c", [Match.State(CtState.New), Act.Accept], "rule"))
            .Add(new AddElements(map, new NftElement([IPAddress.Loopback, 80]) { Data = [IPAddress.Loopback], Comment = "element" }))
            .Encode(batch, new(), []);
        return batch.Bytes.ToArray();
    }
}
