using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json.Nodes;
using Fairlead.Bench.PodNet;
using Fairlead.Linux.Namespaces;
using Path = Fairlead.Bench.PodNet.Path;

string[] names = ["paths", "add", "join", "scale"];
var program = System.IO.Path.GetFullPath(args[0]);
var numbers = new Dictionary<string, int>(StringComparer.Ordinal) { ["--runs"] = 5, ["--seconds"] = 2, ["--nodes"] = 5000, ["--pods"] = 1000 };
var wanted = new List<string>();
for (var i = 1; i < args.Length; i++)
{
    if (numbers.ContainsKey(args[i]) && i + 1 < args.Length)
    {
        numbers[args[i]] = int.Parse(args[++i], CultureInfo.InvariantCulture);
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

foreach (var part in names.Where(n => wanted.Count == 0 || wanted.Contains(n)))
{
    switch (part)
    {
        case "paths":
            Console.WriteLine("TCP between two pods: median (least-most); ratio: Fairlead to the same by hand");
            await PathsAsync("on one node", oneSubnet: true, "vxlan", 1450, HandMade.Bridge, across: false);
            await PathsAsync("across nodes, host-gw", oneSubnet: true, "host-gw", 1500, HandMade.Routes, across: true);
            await PathsAsync("across nodes, vxlan", oneSubnet: false, "vxlan", 1450, HandMade.Vxlan, across: true);
            break;
        case "add":
            await AddAsync();
            break;
        case "join":
            await JoinAsync();
            break;
        default:
            await ScaleAsync();
            break;
    }
}

return 0;

async Task PathsAsync(string what, bool oneSubnet, string overlay, int mtu, Func<Underlay, int, Path> byHand, bool across)
{
    using var underlay = new Underlay(oneSubnet);
    await using var product = await Product.StartAsync(program, underlay, overlay);
    Path[] paths = [HandMade.Cable(underlay, mtu), byHand(underlay, mtu), product.Path("Fairlead", 0, across ? 1 : 0)];
    var (throughput, trips) = (paths.Select(_ => new List<double>()).ToArray(), paths.Select(_ => new List<double>()).ToArray());
    var time = TimeSpan.FromSeconds(numbers["--seconds"]);
    for (var run = 0; run <= numbers["--runs"]; run++)
    {
        for (var i = 0; i < paths.Length; i++)
        {
            var (gigabits, rate) = (Talk.Throughput(paths[i], time), Talk.RoundTrips(paths[i], time));
            if (run > 0)
            {
                throughput[i].Add(gigabits);
                trips[i].Add(rate);
            }
        }
    }

    Console.WriteLine(Invariant($"{what}, MTU {mtu}"));
    for (var i = 0; i < paths.Length; i++)
    {
        Console.WriteLine(Invariant($"  {paths[i].Name,-28} {Text(throughput[i], "0.00"),26} Gbit/s {Text(trips[i], "0"),26} round trips/s"));
    }

    Console.WriteLine(Invariant($"  {"ratio",-28} {Median(throughput[2]) / Median(throughput[1]),26:0.000} {Median(trips[2]) / Median(trips[1]),33:0.000}"));
}

async Task AddAsync()
{
    using var underlay = new Underlay(oneSubnet: false);
    await using var product = await Product.StartAsync(program, underlay, "vxlan");
    var (calls, pod) = (product.Calls(0), underlay.New());
    var (asking, alone) = (new List<double>(), new List<double>());
    for (var run = 0; run < 55; run++)
    {
        var (a, b) = (calls.Add(pod, asksAgent: true), calls.Add(pod, asksAgent: false));
        if (run >= 5)
        {
            asking.Add(a);
            alone.Add(b);
        }
    }

    Console.WriteLine(Invariant($"ADD of the plugin fairlead, from its start to its end: {Text(asking, "0.0")} ms where it asks the agent, policies in force; {Text(alone, "0.0")} ms alone"));
}

async Task JoinAsync()
{
    using var underlay = new Underlay(oneSubnet: false);
    await using var product = await Product.StartAsync(program, underlay, "vxlan");
    var (pod, _) = product.Pod(0);
    var times = new List<double>();
    for (var run = 0; run < Math.Max(numbers["--runs"], 10); run++)
    {
        _ = await product.Client.RequestAsync(HttpMethod.Delete, "/api/v1/nodes/n2");
        await Product.UntilAsync(() => !Pings(pod, 100), "a node that is gone is out of reach");
        var watch = Stopwatch.StartNew();
        await product.RegisterAsync("n2", underlay.Addresses[1], 2);
        await Product.UntilAsync(() => Pings(pod, 20), "a node that has come is in reach");
        times.Add(watch.Elapsed.TotalMilliseconds);
    }

    Console.WriteLine(Invariant($"from a Node object to the first ping from a pod to that node's end: {Text(times, "0")} ms"));

    static bool Pings(NetworkNamespace from, int milliseconds) => from.Run(() =>
    {
        using var ping = new Ping();
        return ping.Send(IPAddress.Parse("10.32.2.0"), milliseconds).Status == IPStatus.Success;
    });
}

async Task ScaleAsync()
{
    using var underlay = new Underlay(oneSubnet: false);
    await using var product = await Product.StartAsync(program, underlay, "vxlan");
    await TellAsync("two nodes");
    await ManyAsync(numbers["--pods"], i => product.Client.RequestAsync(HttpMethod.Post, "/api/v1/namespaces/default/pods", PodObject(i)));
    await TellAsync(Invariant($"and {numbers["--pods"]} pods on the node"));
    await ManyAsync(numbers["--nodes"] - 2, i => product.RegisterAsync(Invariant($"m{i}"), Invariant($"198.19.{100 + (i >> 8)}.{i & 255}"), i + 3));
    await TellAsync(Invariant($"and {numbers["--nodes"]} nodes in the cluster"));

    async Task TellAsync(string what)
    {
        var agent = product.Agents[0];
        await Task.Delay(TimeSpan.FromSeconds(15));
        var before = Footprint.Of(agent);
        await Task.Delay(TimeSpan.FromSeconds(20));
        var after = Footprint.Of(agent);
        Console.WriteLine(Invariant(
            $"agent, {what,-32} Rss {after.RssMiB,6:0.0} MiB, Pss {after.PssMiB,6:0.0} MiB, idle {(after.Cpu - before.Cpu).TotalMilliseconds / 20_000 * 100,5:0.00} % of a core, in all {after.Cpu.TotalSeconds,5:0.0} s"));
    }

    static async Task ManyAsync(int count, Func<int, Task> work)
        => await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (i, _) => await work(i));

    static JsonObject PodObject(int i) => new()
    {
        ["apiVersion"] = "v1", ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["name"] = Invariant($"pod-{i}"), ["labels"] = new JsonObject { ["app"] = Invariant($"app-{i % 20}"), ["pod-template-hash"] = Invariant($"{i % 20:x8}") } },
        ["spec"] = new JsonObject { ["nodeName"] = "n1", ["containers"] = new JsonArray(new JsonObject { ["name"] = "main", ["image"] = "registry.example/app:1.2.3" }) },
    };
}

static string Text(List<double> values, string format) => Invariant($"{Median(values).ToString(format, CultureInfo.InvariantCulture)} ({values.Min().ToString(format, CultureInfo.InvariantCulture)}-{values.Max().ToString(format, CultureInfo.InvariantCulture)})");

static double Median(List<double> values)
{
    var sorted = values.Order().ToArray();
    return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
}

static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
