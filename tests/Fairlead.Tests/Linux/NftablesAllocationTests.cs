using System.Net;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Nftables;

namespace Fairlead.Tests.Linux;

/// <summary>Elements are written for the kernel without an allocation each: 100,000 of them cost what 1,000 do, but for the buffer.</summary>
public sealed class NftablesAllocationTests
{
    private static readonly ValueSets s_sets = new();

    public static TheoryData<string> Kinds => ["verdicts", "data", "set", "intervals", "concatenated intervals", "timed", "ipv6", "commented"];

    [Theory, MemberData(nameof(Kinds))]
    public void Encoding_allocates_nothing_per_element(string kind)
    {
        var (set, element) = s_sets[kind];
        var few = Measure(set, [.. Enumerable.Range(0, 1_000).Select(element)]);
        var many = Measure(set, [.. Enumerable.Range(0, 20_000).Select(element)]);

        // The list of where messages begin grows with the messages, which hold more than a thousand elements each.
        Assert.InRange(many - few, long.MinValue, 2_048);
    }

    private static long Measure(NftSet set, NftElement[] elements)
    {
        var transaction = new NftTransaction(NftFamily.Ip, "t").Add(new AddElements(set, (IReadOnlyList<NftElement>)elements)).Add(new DeleteElements(set, (IReadOnlyList<NftElement>)elements));
        var least = long.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            using var batch = new NetlinkBatch(0);
            var before = GC.GetAllocatedBytesForCurrentThread();
            transaction.Encode(batch, new(), []);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return least;
    }

    /// <summary>A set of each shape, and how to make its elements.</summary>
    private sealed class ValueSets
    {
        private static readonly NftSet s_service = new("s", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService]);

        internal (NftSet Set, Func<int, NftElement> Element) this[string kind] => kind switch
        {
            "verdicts" => (s_service with { IsVerdictMap = true }, i => new([Address(i), NftValue.Tcp, 80]) { Verdict = NftVerdict.Goto("svc-2") }),
            "data" => (s_service with { Data = [NftType.Ipv4Address, NftType.InetService] }, i => new([Address(i), NftValue.Tcp, 80]) { Data = [Address(i), 8080] }),
            "set" => (new("s", [NftType.InterfaceName]), i => new([$"veth{i}"])),
            "intervals" => (new("s", [NftType.Ipv4Address]) { IsInterval = true }, i => new([NftValue.Range(Address(2 * i), Address((2 * i) + 1))])),
            "concatenated intervals" => (new("s", [NftType.Ipv4Address, NftType.InetService]) { IsInterval = true }, i => new([Address(i), NftValue.Range(1, 1024)])),
            "timed" => (new("s", [NftType.Ipv4Address]) { HasTimeouts = true }, i => new([Address(i)]) { Timeout = TimeSpan.FromMinutes(1) }),
            "ipv6" => (new("s", [NftType.Ipv6Address]), i => new([new IPAddress([0xfd, .. new byte[13], (byte)(i >> 8), (byte)i])])),
            _ => (s_service, i => new([Address(i), NftValue.Udp, 53]) { Comment = "default/web:http" }),
        };

        private static IPAddress Address(int i) => new([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]);
    }
}
