using System.Diagnostics;
using System.Globalization;
using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Bench.Kernel;

/// <summary>A thousand namespaces on a bridge, each with an interface, an address and a default route; beside <c>ip -batch</c> and beside <c>ip</c> once a step.</summary>
internal static class NamespacesBench
{
    private const int Count = 1000;
    private const int FirstIndex = 1000;

    internal static void Measure(int runs)
    {
        runs = Math.Min(runs, 3);
        double[] ours = new double[runs], batch = new double[runs], once = new double[1];
        for (var run = 0; run < runs; run++)
        {
            ours[run] = Timed(Ours);
            batch[run] = Timed((scratch, names) => Stock(scratch, names, everyStep: false));
        }

        once[0] = Timed((scratch, names) => Stock(scratch, names, everyStep: true));
        var table = new Table($"{Count:N0} namespaces with veth, address, route and bridge port", "ip");
        table.Add("beside ip -batch (one for the host, one in each namespace)", ours, batch, 2);
        table.Add("beside ip once a step", ours, once);
        table.Print();
    }

    private static double Timed(Action<Scratch, string[]> work)
    {
        var names = Enumerable.Range(0, Count).Select(i => string.Create(CultureInfo.InvariantCulture, $"fairlead-bench-{Environment.ProcessId}-n{i}")).ToArray();
        using var scratch = new Scratch();
        try
        {
            var time = Scratch.Time(() => work(scratch, names));
            Check(scratch, names);
            return time;
        }
        finally
        {
            using (var routes = RouteSocket.Open(scratch.Network))
            {
                _ = routes.Apply(new DeleteLinkGroup(7));
            }

            foreach (var name in names)
            {
                _ = NetworkNamespace.Delete(name);
            }
        }
    }

    private static void Ours(Scratch scratch, string[] names)
    {
        using var host = RouteSocket.Open(scratch.Network);
        var bridge = host.CreateBridge(new("br0") { Up = true }).Index;
        var inside = new RouteSocket[Count];
        var namespaces = NetworkNamespace.CreateNew(names, i => inside[i] = RouteSocket.Open());
        try
        {
            Done(host.ApplyAll(
                Enumerable.Range(0, Count).Select(i => new CreateLink(new VethSpec(string.Create(CultureInfo.InvariantCulture, $"v{i}"))
                {
                    Index = FirstIndex + i, PeerName = "eth0", PeerIndex = 2, PeerNamespace = namespaces[i], Master = bridge, Up = true, Group = 7,
                })),
                Fail));
            for (var i = 0; i < Count; i++)
            {
                foreach (var error in inside[i].Apply(
                    new SetLink(1, new() { Up = true }),
                    new SetLink(2, new() { Up = true }),
                    new ReplaceAddress(new(2, new(AddressOf(i), 16))),
                    new AddRoute(new(new IPNetwork(IPAddress.Any, 0)) { Gateway = Gateway })))
                {
                    if (error is not null)
                    {
                        throw error;
                    }
                }
            }
        }
        finally
        {
            foreach (var socket in inside)
            {
                socket.Dispose();
            }

            foreach (var network in namespaces)
            {
                network.Dispose();
            }
        }
    }

    private static void Stock(Scratch scratch, string[] names, bool everyStep)
    {
        var batch = Path.GetTempFileName();
        try
        {
            string[] first = ["link add br0 type bridge", "link set br0 up", .. names.Select(n => $"netns add {n}"),
                .. names.Select((n, i) => $"link add v{i} master br0 up group 7 type veth peer name eth0 netns {n}")];
            string[] Inside(int i) => ["link set lo up", "link set eth0 up", $"address add {AddressOf(i)}/16 dev eth0", $"route add default via {Gateway}"];
            var script = everyStep
                ? string.Join('\n', [.. first.Select(l => $"ip {l}"), .. names.SelectMany((n, i) => Inside(i).Select(l => $"ip -n {n} {l}"))])
                : string.Join('\n', [$"ip -batch {batch}.host", .. names.Select((n, i) => $"ip -n {n} -batch - <<'.'\n{string.Join('\n', Inside(i))}\n.")]);
            File.WriteAllText(batch, "set -e\n" + script + "\n");
            File.WriteAllLines(batch + ".host", first);
            _ = scratch.Time("/bin/sh", batch);
        }
        finally
        {
            File.Delete(batch);
            File.Delete(batch + ".host");
        }
    }

    private static void Check(Scratch scratch, string[] names)
    {
        using var host = RouteSocket.Open(scratch.Network);
        var ports = 0;
        _ = host.VisitLinks((scoped in LinkView link) => ports += link.Master is not null ? 1 : 0);
        using var last = NetworkNamespace.Open(names[^1]);
        using var inside = RouteSocket.Open(last);
        if (ports != names.Length || inside.Routes(table: Route.MainTable).All(r => r.Gateway is null))
        {
            throw new InvalidOperationException($"{ports} ports of {names.Length}");
        }
    }

    private static IPAddress Gateway { get; } = IPAddress.Parse("10.1.0.1");

    private static IPAddress AddressOf(int i) => new([10, 1, (byte)(1 + (i >> 8)), (byte)i]);

    private static void Fail(RouteOperation operation, LinuxException error) => throw error;

    private static void Done(int failures) => Debug.Assert(failures == 0);
}
