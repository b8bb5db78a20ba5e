using System.Globalization;
using System.Net;
using Fairlead.Linux.Nftables;

namespace Fairlead.Bench.Kernel;

/// <summary>The proxy's two kinds of map, loaded and added to, by <see cref="NftablesSocket"/> and by <c>nft -f</c>.</summary>
/// <remarks>
/// Both get their elements ready made: ours as objects in memory, nft's as a file. Each run has namespaces of its own, and the two take
/// turns. Times of nft contain the start of the process, because that is what a change costs who uses it.
/// </remarks>
internal static class NftablesBench
{
    private const string Table = "fairlead-bench";
    private const int OneMore = 200;
    private const int WarmUps = 60;
    private const int DeclaredSize = 1 << 18;

    private static readonly NftSet s_services = new("services", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };

    private static readonly NftSet s_endpoints = new("endpoints", [NftType.Ipv4Address, NftType.InetProtocol, NftType.InetService])
    {
        Data = [NftType.Ipv4Address, NftType.InetService],
    };

    internal static void Measure(int runs)
    {
        WarmUp();
        var table = new Table("Elements of an nftables map, ipv4_addr . inet_proto . inet_service", "nft -f");
        foreach (var (kind, map) in new[] { ("verdicts", s_services), ("data", s_endpoints) })
        {
            foreach (var count in new[] { 10_000, 100_000 })
            {
                // A map that declares its size gets a table that the kernel need not grow while it is loaded; both sides load the same map.
                Measure(table, kind, map, count, runs);
                Measure(table, $"{kind}, size declared", map with { Size = DeclaredSize }, count, runs);
            }
        }

        table.Print();
    }

    /// <summary>What measures is a program that stays, as agents do: its code has been compiled by then.</summary>
    private static void WarmUp()
    {
        using var scratch = new Scratch();
        using var socket = NftablesSocket.Open(scratch.Network);
        foreach (var map in new[] { s_services, s_endpoints })
        {
            socket.Commit(new NftTransaction(NftFamily.Ip, Table).Add(new AddTable()).Add(new AddChain("svc")).Add(new AddSet(map)));
            for (var i = 0; i < WarmUps; i++)
            {
                NftElement[] elements = [.. Enumerable.Range(0, 1000).Select(n => Element(map, n))];
                socket.Commit(new NftTransaction(NftFamily.Ip, Table).Add(new AddElements(map, (IReadOnlyList<NftElement>)elements)));
                _ = socket.Elements(NftFamily.Ip, Table, map);
                socket.Commit(new NftTransaction(NftFamily.Ip, Table).Add(new FlushSet(map)));
            }
        }
    }

    private static void Measure(Table table, string kind, NftSet map, int count, int runs)
    {
        List<double> load = [], loadStock = [], build = [], one = [], oneStock = [], read = [], readStock = [];

        for (var run = 0; run < runs; run++)
        {
            using var ours = new Scratch();
            using var stock = new Scratch();
            using var socket = NftablesSocket.Open(ours.Network);
            NftElement[] elements = [];
            var built = Scratch.Time(() => elements = [.. Enumerable.Range(0, count).Select(i => Element(map, i))]);
            var setUp = new NftTransaction(NftFamily.Ip, Table).Add(new AddTable()).Add(new AddChain("svc")).Add(new AddSet(map));
            var fill = new NftTransaction(NftFamily.Ip, Table).Add(new AddElements(map, (IReadOnlyList<NftElement>)elements));
            using var setUpFile = new TextFile(setUp.ToString());
            using var fillFile = new TextFile(fill.ToString());
            using var oneFile = new TextFile(More(map, count).ToString());

            socket.Commit(setUp);
            _ = stock.Time("nft", "-f", setUpFile.Path);
            GC.Collect();
            double loaded = 0, loadedStock = 0;
            double[] added = [];
            double addedStock = 0;
            Action[] turns =
            [
                () =>
                {
                    loaded = Scratch.Time(() => socket.Commit(fill));
                    added = [.. Enumerable.Range(count, OneMore).Select(i => More(map, i)).Select(tx => Scratch.Time(() => socket.Commit(tx))).Order()];
                },
                () =>
                {
                    loadedStock = stock.Time("nft", "-f", fillFile.Path);
                    addedStock = stock.Time("nft", "-f", oneFile.Path);
                },
            ];

            // Who comes first shares the processors with what the kernel still does for the run before.
            turns[run % 2]();
            turns[1 - (run % 2)]();
            var listed = Scratch.Time(() =>
            {
                var found = socket.Elements(NftFamily.Ip, Table, map).Count;
                if (found != count + OneMore)
                {
                    throw new InvalidOperationException($"{found} elements");
                }
            });
            var listedStock = stock.Time("sh", "-c", $"nft list map ip {Table} {map.Name} > /dev/null");
            load.Add(loaded);
            loadStock.Add(loadedStock);
            build.Add(built);
            one.Add(added[added.Length / 2]);
            oneStock.Add(addedStock);
            read.Add(listed);
            readStock.Add(listedStock);
        }

        var n = count.ToString("N0", CultureInfo.InvariantCulture);
        table.Add($"{n} elements ({kind}) loaded in one transaction", [.. load], [.. loadStock], aim: 5);
        table.Add("  the same as objects made first", [.. build], []);
        table.Add($"  one more added to them (median of {OneMore})", [.. one], [.. oneStock], aim: 100);
        table.Add("  all read back", [.. read], [.. readStock]);
    }

    private static NftTransaction More(NftSet map, int i) => new NftTransaction(NftFamily.Ip, Table).Add(new AddElements(map, Element(map, i)));

    private static NftElement Element(NftSet map, int i)
    {
        NftElement element = new([Address(10, 96, i), NftValue.Tcp, 80]);
        return map.IsVerdictMap ? element with { Verdict = NftVerdict.Goto("svc") } : element with { Data = [Address(10, 32, i), 8080] };
    }

    private static IPAddress Address(byte first, byte second, int i) => new([first, (byte)(second + (i >> 16)), (byte)(i >> 8), (byte)i]);

    /// <summary>A file of nft's syntax for as long as it is needed.</summary>
    private sealed class TextFile : IDisposable
    {
        internal TextFile(string text) => File.WriteAllText(Path, text);

        internal string Path { get; } = System.IO.Path.GetTempFileName();

        public void Dispose() => File.Delete(Path);
    }
}
