using System.Net;
using Fairlead.Linux.Conntrack;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Nftables;
using FsCheck;
using FsCheck.Fluent;

namespace Fairlead.Tests.Linux;

/// <summary>What is encoded reads back: every kind of operation, with values by chance.</summary>
public sealed class NftablesCodecTests
{
    private const NftFamily Ip = NftFamily.Ip;

    private static readonly (NftType Type, Gen<NftValue> Value)[] s_types =
    [
        (NftType.Ipv4Address, Gen.Choose(0, int.MaxValue).Select(n => (NftValue)new IPAddress(BitConverter.GetBytes(n)))),
        (NftType.Ipv6Address, Gen.Choose(0, int.MaxValue).Select(n => (NftValue)new IPAddress([0xfd, .. new byte[11], .. BitConverter.GetBytes(n)]))),
        (NftType.InetProtocol, Gen.Choose(0, 255).Select(n => (NftValue)n)),
        (NftType.InetService, Gen.Choose(0, 65535).Select(n => (NftValue)n)),
        (NftType.Mark, Gen.Choose(0, int.MaxValue).Select(n => (NftValue)n)),
        (NftType.InterfaceName, Gen.Choose(0, 99999).Select(n => (NftValue)$"veth{n}")),
    ];

    private static readonly Gen<string?> s_comment = Gen.Elements<string?>(null, "default/web:http", "ä", new string('x', 127));

    private static readonly Gen<(NftType Type, Gen<NftValue> Value)[]> s_key = Gen.Choose(1, 3).SelectMany(n => Gen.ArrayOf(Gen.Elements(s_types), n));

    [Fact]
    public void Sets_and_their_elements_read_back()
    {
        var cases =
            from key in s_key
            from data in s_key
            from kind in Gen.Choose(0, 3)
            from timed in Gen.Elements(true, false)
            from counts in Gen.Elements(true, false)
            from comment in s_comment
            let set = new NftSet("s", [.. key.Select(k => k.Type)])
            {
                Data = kind == 1 ? [.. data.Select(k => k.Type)] : [],
                IsVerdictMap = kind == 2,
                ObjectKind = kind == 3 ? "counter" : null,
                Timeout = timed ? TimeSpan.FromMinutes(5) : null,
                GcInterval = timed ? TimeSpan.FromSeconds(10) : null,
                HasCounters = counts,
                Size = counts ? 1000 : null,
                Comment = comment,
            }
            from elements in Gen.ArrayOf(Element(set, key, data, timed), 5)
            select (set, elements);
        Prop.ForAll(cases.ToArbitrary(), c => Back(c.set, c.elements)).QuickCheckThrowOnFailure();

        static bool Back(NftSet set, NftElement[] elements)
        {
            var messages = Encode(new AddSet(set), new AddElements(set, elements));
            NftSet? read = null;
            List<NftElement> back = [];
            foreach (var bytes in messages)
            {
                var message = Message(bytes);
                read = NftSetDump.ReadSet(message, "t") ?? read;
                back.AddRange(NftSetDump.ReadElements(message, set)?.Select(e => e.Element) ?? []);
            }

            return set.Equals(read) && elements.SequenceEqual(back)
                && elements.Select(e => (e.Counts, e.TimeLeft)).SequenceEqual(back.Select(e => (e.Counts, e.TimeLeft)));
        }
    }

    [Fact]
    public void Ranges_read_back_whether_they_touch_or_not()
    {
        var borders = Gen.Choose(1, 60_000).Select(n => (ushort)n).ArrayOf().Where(a => a.Distinct().Count() > 3);
        Prop.ForAll(borders.ToArbitrary(), numbers =>
        {
            // Each range begins where the one before it ends, or leaves a gap.
            var sorted = numbers.Distinct().Order().ToArray();
            var set = new NftSet("s", [NftType.InetService]) { IsInterval = true };
            var elements = sorted.Zip(sorted.Skip(1), (a, b) => (a, b)).Where((_, i) => i % 3 != 2)
                .Select(p => new NftElement([NftValue.Range(p.a, (ushort)(p.b - 1))])).ToArray();
            var back = Encode(new AddElements(set, elements)).SelectMany(bytes => NftSetDump.ReadElements(Message(bytes), set) ?? []);
            return elements.SequenceEqual(NftSetDump.Join(set, back));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Tables_chains_objects_and_flowtables_read_back()
    {
        var cases =
            from flags in Gen.Choose(0, 7)
            from hook in Gen.Elements(Enum.GetValues<NftHook>())
            from priority in Gen.Choose(-1000, 1000)
            from accept in Gen.Elements(true, false)
            from amount in Gen.Choose(0, int.MaxValue)
            from comment in s_comment
            select (flags, hook, priority, accept, amount, comment);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var family = c.hook is NftHook.Ingress or NftHook.Egress ? NftFamily.Netdev : Ip;
            var tied = new NftBaseChain(NftChainType.Filter, c.hook, c.priority) { AcceptByDefault = c.accept, Devices = family == Ip ? [] : ["eth0", "eth1"] };
            var flowtable = new NftFlowtable("f", c.priority, ["eth0"]);
            NftObject[] objects =
            [
                new NftCounter("o") { Counts = new((ulong)c.amount, 7), Comment = c.comment }, new NftQuota("o", (ulong)c.amount, c.accept) { Used = 5 },
                new NftLimit("o", new((ulong)c.amount, 60, 9, c.accept, !c.accept)),
            ];
            var messages = Encode(
                family,
                [new AddTable(c.comment) { Flags = (NftTableFlags)c.flags }, new AddChain("c", tied, c.comment), .. objects.Select(o => new AddObject(o)), new AddFlowtable(flowtable)]);
            return new NftTableEntry(family, "t", c.comment) { Flags = (NftTableFlags)c.flags } == NftDump.ReadTable(Message(messages[0]))
                && new NftChainEntry("c", tied, c.comment) == NftDump.ReadChain(Message(messages[1]), family, "t")
                && objects.SequenceEqual(messages[2..5].Select(m => NftDump.ReadObject(Message(m), "t")))
                && flowtable == NftDump.ReadFlowtable(Message(messages[5]), "t");
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Rules_read_back_in_their_own_words()
    {
        var port = Gen.Choose(1, 65535);
        var address = Gen.Choose(0, int.MaxValue).Select(n => new IPAddress(BitConverter.GetBytes(n)));
        var set = new NftSet("services", [NftType.Ipv4Address, NftType.InetService]) { IsVerdictMap = true };
        var clients = new NftSet("clients", [NftType.Ipv4Address]) { IsDynamic = true };
        var statement = Gen.OneOf(
            port.Select(p => Match.Equal(Load.TcpDport, p)),
            port.Select(p => Match.NotEqual(Load.CtMark, p)),
            address.Select(a => Match.Equal(Load.IpSaddr, a)),
            Gen.Choose(1, 32).SelectMany(l => address.Select(a => Match.Equal(Load.IpDaddr, new IPNetwork(Masked(a, l), l)))),
            Gen.Choose(1, 99).Select(n => Match.Equal(Load.IifName, $"eth{n}")),
            Gen.Choose(1, 31).Select(s => Match.State((CtState)(s & 15 | 1))),
            port.Select(p => Act.SetMark((uint)p)),
            Gen.Choose(1, 511).Select(s => XtMatch.State((XtStates)(s & ~(16 | 32) | 1))),
            port.Select(p => XtMatch.Comment($"CNI {p} \\ \u00e4")),
            port.Select(p => Act.Limit(p, 9)),
            Gen.Elements(
                Act.Accept, Act.Drop, Act.Return, Act.NoTrack, Act.SaveMark, Act.RestoreMark, Act.Jump("c"), Act.Goto("d"), Act.Reject, Act.Log("x "),
                Act.Use(new NftCounter("n")), Act.Offload(new NftFlowtable("f", 0, [])), Nat.Masquerade(true), Match.Equal(Load.FibDaddrType, 2),
                Act.Verdict(Load.Concat(Load.IpDaddr, Load.ThDport), set), Act.Update(clients, Load.IpSaddr, timeout: TimeSpan.FromSeconds(90)),
                Nat.Source(IPAddress.Parse("192.0.2.7"))));
        Prop.ForAll(Gen.Choose(1, 4).SelectMany(n => Gen.ArrayOf(statement, n)).ToArbitrary(), statements =>
        {
            var rule = new AddRule("c", [.. statements], "k");
            var read = NftDump.ReadRule(Message(Encode(rule)[^1]), "t", "c")!;
            var text = NftRuleText.Of(Ip, read.Program, name => name == set.Name ? new(set, []) : name == clients.Name ? new(clients, []) : null);

            // In a table of one family nft says no family, and a port of any transport by the transport's name where that is known.
            var expected = string.Join(' ', statements.Select(s => s.Text)).Replace("snat ip to", "snat to", StringComparison.Ordinal);
            return (read.Entry.Comment == "k" && (text == expected || text == expected.Replace("th dport", "tcp dport", StringComparison.Ordinal)))
                .Label($"{text} | {expected}");
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Connections_read_back()
    {
        var cases =
            from v6 in Gen.Elements(true, false)
            from protocol in Gen.Elements<byte>(1, 6, 17, 58, 132)
            from port in Gen.Choose(0, 65535)
            from mark in Gen.Choose(0, int.MaxValue)
            select (v6, protocol, port, mark);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var (from, to) = c.v6 ? (IPAddress.IPv6Loopback, IPAddress.Parse("fd00::1")) : (IPAddress.Loopback, IPAddress.Parse("10.0.0.1"));
            var tuple = c.protocol is 1 or 58
                ? new ConntrackTuple(from, 0, to, 0) { Icmp = new(8, 1, (ushort)c.port) }
                : new ConntrackTuple(from, (ushort)c.port, to, 80);
            using var batch = new NetlinkBatch(1);
            ConntrackMessages.WriteUpdate(batch, new(c.protocol, tuple, tuple) { Zone = 5 }, (uint)c.mark, 77);

            // A request has no reply's tuple, which a connection must have: it is given the same.
            var bytes = batch.Bytes.ToArray();
            var read = ConntrackMessages.ReadTuples(Message(bytes));
            return read == (c.protocol, tuple);
        }).QuickCheckThrowOnFailure();
    }

    private static Gen<NftElement> Element(NftSet set, (NftType Type, Gen<NftValue> Value)[] key, (NftType Type, Gen<NftValue> Value)[] data, bool timed)
        => from k in Sequence(key)
           from d in Sequence(data)
           from comment in s_comment
           from seconds in Gen.Choose(1, 299)
           select new NftElement([.. k])
           {
               Data = set.Data.Count > 0 ? [.. d] : [],
               Verdict = set.IsVerdictMap ? NftVerdict.Goto($"c{seconds}") : null,
               Object = set.ObjectKind is null ? null : "o",
               Comment = comment,
               Timeout = timed ? TimeSpan.FromSeconds(seconds) : null,
               TimeLeft = timed ? TimeSpan.FromSeconds(seconds) / 2 : null,
               Counts = set.HasCounters ? new((ulong)seconds, 9) : null,
           };

    private static Gen<NftValue[]> Sequence((NftType Type, Gen<NftValue> Value)[] parts)
        => parts.Aggregate(Gen.Constant(Array.Empty<NftValue>()), (all, part) => all.SelectMany(values => part.Value.Select(v => (NftValue[])[.. values, v])));

    private static IPAddress Masked(IPAddress address, int length)
    {
        var number = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(address.GetAddressBytes()) & (uint.MaxValue << (32 - length));
        var bytes = new byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new(bytes);
    }

    private static List<byte[]> Encode(params NftOperation[] operations) => Encode(Ip, operations);

    private static List<byte[]> Encode(NftFamily family, NftOperation[] operations)
    {
        using var batch = new NetlinkBatch(1);
        new NftTransaction(family, "t").AddRange(operations).Encode(batch, new(), []);
        return [.. Enumerable.Range(0, batch.Count).Select(i => batch.Message(i).ToArray())];
    }

    private static NetlinkMessage Message(byte[] bytes)
    {
        var reader = new NetlinkReader(bytes);
        Assert.True(reader.TryRead(out var message));
        return message;
    }
}
