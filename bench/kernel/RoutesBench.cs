using System.Buffers.Text;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Bench.Kernel;

/// <summary>A hundred thousand routes added and listed, beside <c>ip -batch</c> and <c>ip route show</c>; and what memory that takes.</summary>
internal static class RoutesBench
{
    private const int Count = 100_000;

    internal static void Measure(int runs)
    {
        var batch = Path.GetTempFileName();
        try
        {
            File.WriteAllLines(batch, Enumerable.Range(0, Count).Select(i => $"route add {AddressOf(i)}/32 dev br0 proto 98"));
            double[] add = new double[runs], list = new double[runs], stockAdd = new double[runs], stockList = new double[runs];
            for (var run = 0; run < runs; run++)
            {
                using (var scratch = new Scratch())
                {
                    (add[run], list[run]) = Ours(scratch);
                }

                using (var scratch = new Scratch())
                {
                    _ = Bridge(scratch);
                    stockAdd[run] = scratch.Time("/bin/sh", "-c", $"exec ip -batch {batch}");
                    stockList[run] = scratch.Time("/bin/sh", "-c", "exec ip route show > /dev/null");
                }
            }

            var table = new Table($"{Count:N0} routes", "ip -batch, ip route show");
            table.Add("added", add, stockAdd, 1);
            table.Add("listed, each written as a line of text", list, stockList, 1);
            table.Print();
            Console.WriteLine($"memory of a process that does both: {Memory()} MB at most");
            Console.WriteLine();
        }
        finally
        {
            File.Delete(batch);
        }
    }

    /// <summary>Adds and lists once, and says the most memory that this process has had.</summary>
    internal static void Once(int runs)
    {
        _ = runs;
        using (var scratch = new Scratch())
        {
            _ = Ours(scratch);
        }

        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal));
        Console.WriteLine(int.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024);
    }

    private static string Memory()
    {
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, ["routes-once"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd().Trim();
    }

    private static (double Add, double List) Ours(Scratch scratch)
    {
        var link = Bridge(scratch);
        using var routes = RouteSocket.Open(scratch.Network);
        var add = Scratch.Time(() => routes.AddRoutes(
            Enumerable.Range(0, Count).Select(i => new IPNetwork(AddressOf(i), 32)), new(new IPNetwork(IPAddress.Any, 0)) { Link = link }, (_, error) => throw error));
        using var output = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write);
        var text = new byte[64 * 1024];
        var (length, lines) = (0, 0);
        var list = Scratch.Time(() =>
        {
            _ = routes.VisitRoutes(Line, table: Route.MainTable, family: AddressFamily.InterNetwork);
            RandomAccess.Write(output, text.AsSpan(0, length), 0);
        });
        return lines == Count ? (add, list) : throw new InvalidOperationException($"{lines} routes listed");

        void Line(scoped in RouteView route)
        {
            if (length > text.Length - 256)
            {
                RandomAccess.Write(output, text.AsSpan(0, length), 0);
                length = 0;
            }

            lines++;
            var d = route.Destination;
            for (var i = 0; i < d.Length; i++)
            {
                Number(d[i], i == d.Length - 1 ? (byte)'/' : (byte)'.');
            }

            Number(route.PrefixLength, (byte)' ');
            "dev br0 proto "u8.CopyTo(text.AsSpan(length));
            length += 14;
            Number((int)route.Protocol, (byte)'\n');
        }

        void Number(int value, byte end)
        {
            _ = Utf8Formatter.TryFormat(value, text.AsSpan(length), out var written);
            length += written;
            text[length++] = end;
        }
    }

    private static int Bridge(Scratch scratch)
    {
        using var routes = RouteSocket.Open(scratch.Network);
        return routes.CreateBridge(new("br0") { Up = true }).Index;
    }

    private static IPAddress AddressOf(int i) => new([10, (byte)(i >> 16), (byte)(i >> 8), (byte)i]);
}
