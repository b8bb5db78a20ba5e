using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.Bench.Cni;

const string Reference = "/usr/lib/cni";
string[] names = ["alone", "parallel", "memory"];
var (runs, parallel, wanted) = (51, 100, new List<string>());
for (var i = 2; i < args.Length; i++)
{
    if (args[i] is "--runs" or "--parallel" && i + 1 < args.Length)
    {
        var number = int.Parse(args[i + 1], CultureInfo.InvariantCulture);
        (runs, parallel) = args[i++] == "--runs" ? (number, parallel) : (runs, number);
    }
    else if (names.Contains(args[i]))
    {
        wanted.Add(args[i]);
    }
    else
    {
        Console.Error.WriteLine($"bench: '{args[i]}' is no part; there is {string.Join(", ", names)}");
        return 2;
    }
}

// A pipe is read by a thread that waits: as many as there are pipes.
_ = ThreadPool.SetMinThreads(4 * parallel, 4 * parallel);
var ours = Directory.CreateTempSubdirectory("fairlead-bench-").FullName;
try
{
    foreach (var plugin in (ReadOnlySpan<string>)["bridge", "host-local", "portmap", "bandwidth", "firewall", "fairlead"])
    {
        File.CreateSymbolicLink(Path.Combine(ours, plugin), Path.GetFullPath(args[0]));
    }

    (string What, Chain Ours, Chain Theirs)[] rows =
    [
        (Chain.Bridge.Name, Chain.Bridge, Chain.Bridge),
        (Chain.MasqueradingBridge.Name, Chain.MasqueradingBridge, Chain.MasqueradingBridge),
        (Chain.Four.Name, Chain.Four, Chain.Four),
        (Chain.Combined.Name, Chain.Combined, Chain.Four),
    ];
    foreach (var part in names.Where(n => wanted.Count == 0 || wanted.Contains(n)))
    {
        foreach (var (what, our, their) in rows)
        {
            switch (part)
            {
                case "alone":
                    await AloneAsync(what, our, their);
                    break;
                case "parallel":
                    await ParallelAsync(what, our, their);
                    break;
                default:
                    await MemoryAsync(what, our, their);
                    break;
            }
        }
    }
}
finally
{
    Directory.Delete(ours, recursive: true);
}

return 0;

// In turns, so that a slow moment of the machine is both sides'.
async Task AloneAsync(string what, Chain our, Chain their)
{
    using Node mine = new(ours, 1), stock = new(Reference, 1);
    var (fast, slow) = (new Times(), new Times());
    for (var run = -1; run < runs; run++)
    {
        await OnceAsync(mine, our, run < 0 ? new Times() : fast);
        await OnceAsync(stock, their, run < 0 ? new Times() : slow); // the first makes the bridge
    }

    Print($"{what}, alone, {runs} runs", fast, slow);
}

static async Task OnceAsync(Node node, Chain chain, Times times)
{
    JsonNode? result = null;
    await times.Add.MeasureAsync(async () => result = await node.AddAsync(chain, 0));
    await times.Del.MeasureAsync(() => node.DelAsync(chain, 0, result!));
}

async Task ParallelAsync(string what, Chain our, Chain their)
{
    const int Rounds = 3;
    using Node mine = new(ours, parallel), stock = new(Reference, parallel);
    var (fast, slow) = (new Times(), new Times());
    for (var round = 0; round < Rounds; round++)
    {
        await AllAsync(mine, our, fast);
        await AllAsync(stock, their, slow);
    }

    Print($"{what}, {parallel} at once, {Rounds} rounds, for all of them", fast, slow);
}

async Task AllAsync(Node node, Chain chain, Times times)
{
    var results = new JsonNode[parallel];
    await times.Add.MeasureAsync(() => Task.WhenAll(Enumerable.Range(0, parallel).Select(i => Task.Run(async () => results[i] = await node.AddAsync(chain, i)))));
    await times.Del.MeasureAsync(() => Task.WhenAll(Enumerable.Range(0, parallel).Select(i => Task.Run(() => node.DelAsync(chain, i, results[i])))));
}

async Task MemoryAsync(string what, Chain our, Chain their)
{
    var (mine, stock) = (await PeakAsync(ours, our), await PeakAsync(Reference, their));
    Console.WriteLine(what);
    Print($"the largest process", mine.Largest, stock.Largest);
    Print($"{parallel} at once, all their processes", mine.All, stock.All);
    Console.WriteLine();

    static void Print(string of, double one, double other) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"  {of,-40} {one,8:0.0} MiB, the reference's {other,8:0.0} MiB: ratio {one / other:0.00}"));
}

async Task<(double Largest, double All)> PeakAsync(string plugins, Chain chain)
{
    const double Kilo = 1024;
    using var group = MemoryGroup.TryMake();
    using var node = new Node(plugins, parallel) { MemoryScript = args[1], Group = group };
    await AllAsync(node, chain, new Times());
    return (node.LargestProcess / Kilo, group is null ? double.NaN : group.Peak / Kilo / Kilo);
}

static void Print(string title, Times ours, Times stock)
{
    Console.WriteLine(title);
    Console.WriteLine($"  {"",-10} {"Fairlead, ms",24} {"reference, ms",24} {"ratio",7} {"CPU, ms",9} {"reference",10} {"ratio",7}");
    foreach (var (name, one, other) in new[] { ("ADD", ours.Add, stock.Add), ("DEL", ours.Del, stock.Del) })
    {
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"  {name,-10} {one.Wall,24} {other.Wall,24} {one.Median / other.Median,7:0.00} {one.Cpu,9:0.0} {other.Cpu,10:0.0} {one.Cpu / other.Cpu,7:0.00}"));
    }

    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"  {"together",-10} {ours.Add.Median + ours.Del.Median,24:0.0} {stock.Add.Median + stock.Del.Median,24:0.0} {(ours.Add.Median + ours.Del.Median) / (stock.Add.Median + stock.Del.Median),7:0.00} {ours.Add.Cpu + ours.Del.Cpu,9:0.0} {stock.Add.Cpu + stock.Del.Cpu,10:0.0} {(ours.Add.Cpu + ours.Del.Cpu) / (stock.Add.Cpu + stock.Del.Cpu),7:0.00}"));
    Console.WriteLine();
}
