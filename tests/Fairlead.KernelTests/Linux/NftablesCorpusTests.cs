using System.Net;
using System.Runtime.CompilerServices;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Conntrack;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Generic;
using Fairlead.Linux.Nftables;

namespace Fairlead.KernelTests.Linux;

/// <summary>Records what a kernel answers, for the tests that decode it without one; writes only with <c>UPDATE_CORPUS=1</c>.</summary>
public sealed class NftablesCorpusTests(TestNamespaces namespaces) : IClassFixture<TestNamespaces>
{
    private const string Rules = """
        table inet corpus {
          comment "of the corpus"
          counter hits { packets 3 bytes 200; comment "c" }
          quota month { over 100 mbytes used 10 bytes }
          limit slow { rate over 10/minute burst 7 packets; }
          map services { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.96.0.1 . tcp . 80 comment "default/web" : accept, 10.96.0.2 . udp . 53 : goto other } }
          map endpoints { typeof ip daddr . numgen random mod 2 : ip daddr . th dport; comment "where"; elements = { 10.96.0.1 . 0 : 10.32.0.2 . 8080 } }
          map objects { type ipv4_addr : counter; elements = { 1.1.1.1 : "hits" } }
          set networks { type ipv4_addr; flags interval; elements = { 10.0.0.0/8 comment "pods", 192.168.1.5-192.168.1.20, 224.0.0.0/3 } }
          set pairs { type ipv6_addr . inet_service; flags interval; counter; elements = { fd00::/8 . 80-90 counter packets 1 bytes 2 } }
          set timed { type ether_addr; flags dynamic,timeout; timeout 5m; size 100; gc-interval 10s; elements = { 02:00:00:00:00:01 timeout 1h } }
          set names { type ifname; elements = { "eth0" } }
          chain other { comment "the other"; }
          chain in { type filter hook input priority 5; policy drop;
            ct state vmap { established : accept, related : accept, invalid : drop }
            ct state new,untracked counter packets 5 bytes 600 accept comment "counts"
            iifname "lo" accept
            iifname "veth*" drop
            ip saddr 10.0.0.0/8 tcp dport { 22, 80-90 } accept
            ip6 saddr fd00::/9 udp dport 53 drop
            ip daddr . meta l4proto . th dport vmap @services
            ip saddr @networks meta mark set meta mark | 0x4000
            meta mark & 0xff == 0x10 ct mark set meta mark
            add @timed { ether saddr timeout 1m }
            counter name "hits" quota name "month" limit name "slow" drop
            limit rate 10/minute burst 9 packets log prefix "x " level info reject
            fib daddr type local icmp type echo-request accept
            meta length > 100 th sport 1-1024 jump other
            reject with tcp reset
          }
          chain nat { type nat hook prerouting priority dstnat;
            tcp dport 80 dnat ip to 10.0.0.1:8080
            meta l4proto tcp dnat ip to ip daddr . numgen random mod 2 map @endpoints
            meta l4proto udp redirect to :53 random
          }
          chain post { type nat hook postrouting priority srcnat;
            ip saddr 10.32.0.0/12 ip daddr != 10.32.0.0/12 masquerade fully-random
            snat ip to 192.0.2.7
          }
          chain dev { type filter hook ingress device "lo" priority -500; }
        }
        """;

    [Fact]
    public void What_the_kernel_answers_is_recorded()
    {
        Shell.Need("nft");
        Shell.Need("conntrack");
        var network = namespaces.New();
        _ = network.Sh("nft -f -", Rules);
        _ = network.Sh("conntrack -I -s 10.1.0.1 -d 10.2.0.1 -p icmp --icmp-type 8 --icmp-code 0 --icmp-id 77 -t 600 2> /dev/null"
            + " && conntrack -I -s 10.1.0.1 -d 10.2.0.1 -r 10.3.0.1 -q 10.1.0.1 -p tcp --sport 1000 --dport 80 --reply-port-src 8080 --reply-port-dst 1000 --state ESTABLISHED -u ASSURED -t 600 2> /dev/null"
            + " && conntrack -I -s fd01::1 -d fd02::1 -p udp --sport 1000 --dport 53 -m 7 -t 600 2> /dev/null");
        using var socket = NetlinkSocket.Open(NetlinkProtocol.Netfilter, network);
        using var generic = NetlinkSocket.Open(NetlinkProtocol.Generic, network);
        const NftFamily Inet = NftFamily.Inet;
        (string Name, NetlinkSocket Socket, Action<NetlinkBatch> Request)[] lists =
        [
            ("nft-tables", socket, b => NftRequests.Dump(b, NftConstants.GetTable, 0)),
            ("nft-chains", socket, b => NftRequests.Dump(b, NftConstants.GetChain, Inet)),
            ("nft-rules", socket, b => NftRequests.Dump(b, NftConstants.GetRule, Inet, "corpus")),
            ("nft-sets", socket, b => NftRequests.Dump(b, NftConstants.GetSet, Inet, "corpus")),
            ("nft-objects", socket, b => NftRequests.Dump(b, NftConstants.GetObject, Inet, "corpus")),
            .. new[] { "services", "endpoints", "objects", "networks", "pairs", "timed", "names" }.Select(set => (
                $"nft-elements-{set}", socket, (Action<NetlinkBatch>)(b => NftRequests.Dump(b, NftConstants.GetSetElem, Inet, "corpus", NftConstants.ElemListSet, set)))),
            ("conntrack-entries", socket, b => ConntrackMessages.WriteDump(b)),
            ("generic-families", generic, b => GenericMessages.Write(b, GenericMessages.Control, GenericMessages.GetFamily, NetlinkFlags.Dump, null)),
        ];
        foreach (var (name, from, request) in lists)
        {
            var messages = from.Dump<byte[]>(name, request, m => m.Bytes.ToArray());
            Assert.NotEmpty(messages);
            Record(name, messages.Select(Convert.ToHexStringLower));
        }

        var events = new List<string>();
        Record("nft-events", events.Concat(Events(network)));
        using var nftables = NftablesSocket.Open(network);
        Assert.DoesNotContain("[", nftables.Ruleset().ToString(), StringComparison.Ordinal);
        Assert.Equal(IPAddress.Parse("10.96.0.1"), nftables.Elements(Inet, "corpus", nftables.Sets(Inet, "corpus").First(s => s.Name == "services"))[0].Key[0].Address);
    }

    /// <summary>What a listener hears of one transaction.</summary>
    private static List<string> Events(NetworkNamespace network)
    {
        using var listener = NetlinkListener.Open(NetlinkProtocol.Netfilter, 1u << 6, network);
        using var nftables = NftablesSocket.Open(network);
        nftables.Commit(new NftTransaction(NftFamily.Ip, "heard").Add(new AddTable()).Add(new AddChain("c")).Add(new AddRule("c", Act.Accept)).Add(new DeleteTable()));
        return [Convert.ToHexStringLower(listener.ReceiveAsync(TestContext.Current.CancellationToken).AsTask().GetAwaiter().GetResult().Span)];
    }

    private static void Record(string name, IEnumerable<string> lines, [CallerFilePath] string caller = "")
    {
        if (Environment.GetEnvironmentVariable("UPDATE_CORPUS") == "1")
        {
            var folder = Path.Combine(Path.GetDirectoryName(caller)!, "../../Fairlead.Tests/Linux/Corpus");
            _ = Directory.CreateDirectory(folder);
            File.WriteAllLines(Path.Combine(folder, $"{name}.hex"), lines);
        }
    }
}
