using System.Globalization;
using Fairlead.Bench.Kernel;

// A part is a name and a delegate that prints its table: to measure something else, add a line.
(string Name, Action<int> Measure)[] parts =
[
    ("nftables", NftablesBench.Measure),
    ("routes", RoutesBench.Measure),
    ("namespaces", NamespacesBench.Measure),
];

// A process of its own, so that its memory is that of the work alone.
if (args is ["routes-once"])
{
    RoutesBench.Once(1);
    return 0;
}

var runs = 7;
var wanted = new List<string>();
for (var i = 0; i < args.Length; i++)
{
    if (args[i] == "--runs" && i + 1 < args.Length)
    {
        runs = int.Parse(args[++i], CultureInfo.InvariantCulture);
    }
    else if (Array.Exists(parts, p => p.Name == args[i]))
    {
        wanted.Add(args[i]);
    }
    else
    {
        Console.Error.WriteLine($"bench: '{args[i]}' is no part; there is {string.Join(", ", parts.Select(p => p.Name))}");
        return 2;
    }
}

foreach (var (name, measure) in parts)
{
    if (wanted.Count == 0 || wanted.Contains(name))
    {
        measure(runs);
    }
}

return 0;
