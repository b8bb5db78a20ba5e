using System.Diagnostics;
using System.Globalization;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Bench.PodNet;

/// <summary>Two nodes and a router between them, which is the machine the API server is on: namespaces, gone with the measurement.</summary>
/// <remarks>On one subnet the router is the nodes' switch; else each has a subnet of its own.</remarks>
internal sealed class Underlay : IDisposable
{
    private static int s_count;
    private readonly List<NetworkNamespace> _namespaces = [];

    internal Underlay(bool oneSubnet)
    {
        Sh(null, "ip link set lo up; sysctl -qw net.ipv4.ip_forward=1");
        Nodes = [New(), New()];
        if (oneSubnet)
        {
            Sh(null, "ip link add sub0 up type bridge; ip addr add 198.19.0.1/24 dev sub0");
        }

        Addresses = oneSubnet ? ["198.19.0.11", "198.19.0.12"] : ["198.19.0.11", "198.19.1.11"];
        for (var i = 0; i < Nodes.Count; i++)
        {
            var router = Addresses[i][..Addresses[i].LastIndexOf('.')] + ".1";
            Sh(null, $"ip link add u{i} up type veth peer name eth0 netns {Nodes[i].Name}; " + (oneSubnet ? $"ip link set u{i} master sub0" : $"ip addr add {router}/24 dev u{i}"));
            Sh(Nodes[i], $"ip link set lo up; ip link set eth0 up; ip addr add {Addresses[i]}/24 dev eth0; ip route add default via {router}; sysctl -qw net.ipv4.ip_forward=1");
        }
    }

    /// <summary>Where the nodes reach this process.</summary>
    internal const string Router = "198.19.0.1";

    internal IReadOnlyList<NetworkNamespace> Nodes { get; }

    internal IReadOnlyList<string> Addresses { get; }

    internal NetworkNamespace New()
    {
        var network = NetworkNamespace.Create(string.Create(CultureInfo.InvariantCulture, $"fairlead-bench-{Environment.ProcessId}-{++s_count}"));
        _namespaces.Add(network);
        return network;
    }

    /// <summary>Runs a line of the shell, which must succeed.</summary>
    internal static void Sh(NetworkNamespace? network, string line)
    {
        var start = new ProcessStartInfo("sh", ["-ec", line]) { UseShellExecute = false };
        using var process = network is null ? Process.Start(start)! : network.Run(() => Process.Start(start)!);
        process.WaitForExit();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"exit code {process.ExitCode}: {line}");
        }
    }

    public void Dispose()
    {
        foreach (var network in _namespaces)
        {
            network.Dispose();
            _ = NetworkNamespace.Delete(network.Name!);
        }

        Sh(null, "ip link del sub0 2> /dev/null || true; ip link del u0 2> /dev/null || true; ip link del u1 2> /dev/null || true");
    }
}
