using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;

namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>The network of a namespace in lines, as the stock <c>ip</c> and <c>tc</c> see it.</summary>
internal static class KernelState
{
    private static readonly string[] s_portFlags = ["hairpin", "isolated", "learning", "flood", "guard", "fastleave", "proxy_arp", "mcast_flood"];

    public static async Task WriteAsync(string name, NetworkNamespace space, Action<string> line, CancellationToken ct)
    {
        var done = await Command.RunAsync(
            new SpawnOptions { Executable = "/usr/sbin/ip", Arguments = ["-json", "-details", "-batch", "-"], Network = space },
            "address show\nroute show table all\nrule show\n"u8.ToArray(),
            ct);
        Assert.True(done.Status.ShellCode == 0, Encoding.UTF8.GetString(done.Error));
        var parts = Encoding.UTF8.GetString(done.Output).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(part => JsonNode.Parse(part)!.AsArray()).ToList();
        foreach (var text in Links(parts[0]).Concat(Routes(parts[1])).Concat(Rules(parts[2])).Order(StringComparer.Ordinal))
        {
            line($"{name} {text}");
        }

        foreach (var text in await TrafficControlAsync(space, [.. parts[0].Select(link => (string)link!["ifname"]!)], ct))
        {
            line($"{name} {text}");
        }

        var forwarding = space.Run(() => File.ReadAllText("/proc/sys/net/ipv4/ip_forward").Trim() + File.ReadAllText("/proc/sys/net/ipv6/conf/all/forwarding").Trim());
        line($"{name} forwarding {forwarding}");
    }

    /// <summary>Queueing disciplines but those that the kernel puts everywhere, and the filters of what comes in.</summary>
    private static async Task<IEnumerable<string>> TrafficControlAsync(NetworkNamespace space, string[] links, CancellationToken ct)
    {
        string[] everywhere = ["noqueue", "noop", "fq_codel", "pfifo_fast", "mq"];
        var qdiscs = (await TcAsync(space, "qdisc show", ct)).Where(q => !everywhere.Contains((string)q!["kind"]!)).ToList();
        var lines = qdiscs.Select(q => $"qdisc {q!["kind"]} {q["handle"]} dev {q["dev"]} {q["parent"] ?? "root"} {q["options"]?.ToJsonString()}").ToList();
        foreach (var link in links.Where(link => qdiscs.Exists(q => (string)q!["dev"]! == link && (string)q["kind"]! == "ingress")))
        {
            lines.AddRange(from filter in await TcAsync(space, $"filter show dev {link} ingress", ct)
                           let options = filter!["options"]
                           where options?["actions"] is not null
                           select $"filter {filter["protocol"]} pref {filter["pref"]} {filter["kind"]} dev {link} match {options["match"]?.ToJsonString()}"
                               + $" {options["actions"]![0]!["kind"]} {options["actions"]![0]!["mirred_action"]} {options["actions"]![0]!["direction"]} {options["actions"]![0]!["to_dev"]}");
        }

        return lines.Order(StringComparer.Ordinal);
    }

    private static async Task<JsonArray> TcAsync(NetworkNamespace space, string command, CancellationToken ct)
    {
        var done = await Command.RunAsync(new SpawnOptions { Executable = "/usr/sbin/tc", Arguments = ["-json", .. command.Split(' ')], Network = space }, default, ct);
        Assert.True(done.Status.ShellCode == 0, Encoding.UTF8.GetString(done.Error));
        return done.Output.Length == 0 ? [] : JsonNode.Parse(done.Output)!.AsArray();
    }

    private static IEnumerable<string> Links(JsonArray links)
    {
        foreach (var link in links)
        {
            var name = (string)link!["ifname"]!;
            if ((string?)link["link_type"] is "sit" or "ipip" or "tunnel6" or "gre")
            {
                continue; // the kernel's own, there in every namespace
            }

            var flags = link["flags"]!.AsArray().Select(f => (string)f!).ToHashSet(StringComparer.Ordinal);
            var port = link["linkinfo"]?["info_slave_data"];
            var set = s_portFlags.Where(flag => port?[flag]?.GetValueKind() == System.Text.Json.JsonValueKind.True);
            yield return $"link {name} {link["linkinfo"]?["info_kind"]} mtu {link["mtu"]} {(flags.Contains("UP") ? "up" : "down")}"
                + $"{(flags.Contains("PROMISC") ? " promiscuous" : "")}{(flags.Contains("ALLMULTI") ? " allmulti" : "")}"
                + $"{(link["master"] is { } master ? $" master {master}: {string.Join(' ', set)}" : "")}"
                + $" {(name == "lo" ? "" : link["address"])}{(link["linkinfo"]?["info_data"]?["mode"] is { } mode ? $" mode {mode}" : "")}";
            foreach (var address in link["addr_info"]!.AsArray().Where(a => (string)a!["scope"]! != "link" || !((string)a["local"]!).StartsWith("fe80", StringComparison.Ordinal)))
            {
                yield return $"address {name} {address!["local"]}/{address["prefixlen"]} {address["scope"]}{(address["broadcast"] is { } b ? $" brd {b}" : "")}";
            }
        }
    }

    private static IEnumerable<string> Routes(JsonArray routes)
        => from route in routes
           let destination = (string)route!["dst"]!
           where (string?)route["type"] is null or "unicast" && !destination.StartsWith("fe80", StringComparison.Ordinal) && !destination.StartsWith("ff00", StringComparison.Ordinal)
           select $"route {destination}{(route["gateway"] is { } via ? $" via {via}" : "")} dev {route["dev"]}"
               + $"{(route["table"] is { } table ? $" table {table}" : "")}{(route["scope"] is { } scope ? $" scope {scope}" : "")}"
               + $"{(route["prefsrc"] is { } source ? $" src {source}" : "")}"
               + $"{(route["metrics"] is { } metrics ? $" {metrics.ToJsonString()}" : "")}";

    private static IEnumerable<string> Rules(JsonArray rules)
        => rules.Where(r => (int)r!["priority"]! is not (0 or 32766 or 32767)).Select(r => $"rule from {r!["src"]}{r["srclen"]} table {r["table"]}");
}
