using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer;
using Fairlead.Kube.Client;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Bench.PodNet;

/// <summary>The product on the nodes: an API server here, an agent process on each node, pods by the configuration that it writes.</summary>
internal sealed class Product : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-bench-").FullName;
    private readonly string _program;
    private readonly Underlay _underlay;
    private readonly List<Process> _agents = [];
    private readonly List<(string Node, string Pod)> _pods = [];
    private readonly CancellationTokenSource _stop = new();
    private Task _server = Task.CompletedTask;

    private Product(string program, Underlay underlay) => (_program, _underlay) = (program, underlay);

    internal KubeClient Client { get; private set; } = null!;

    internal IReadOnlyList<Process> Agents => _agents;

    internal static async Task<Product> StartAsync(string program, Underlay underlay, string overlay)
    {
        var product = new Product(program, underlay);
        var kubeconfig = System.IO.Path.Combine(product._folder, "kubeconfig");
        var ready = new TaskCompletionSource();
        product._server = ApiServerRole.RunAsync(
            new ApiServerOptions { Listen = [new IPEndPoint(IPAddress.Parse(Underlay.Router), 6443)], WatchHistory = 20_000 }, kubeconfig, _ => ready.TrySetResult(), product._stop.Token);
        await Task.WhenAny(ready.Task, product._server);
        product.Client = new KubeClient(KubeConfig.Load(kubeconfig));
        var bin = Directory.CreateDirectory(System.IO.Path.Combine(product._folder, "bin")).FullName;
        foreach (var plugin in (ReadOnlySpan<string>)["bridge", "host-local", "portmap", "bandwidth", "firewall", "loopback", "fairlead"])
        {
            File.CreateSymbolicLink(System.IO.Path.Combine(bin, plugin), System.IO.Path.Combine(program, "fairlead-cni"));
        }

        for (var i = 0; i < underlay.Nodes.Count; i++)
        {
            await product.RegisterAsync($"n{i + 1}", underlay.Addresses[i], i + 1);
            product._agents.Add(product.Start(underlay.Nodes[i], $"n{i + 1}", ["agent", "--kubeconfig", kubeconfig, "--node-name", $"n{i + 1}", "--overlay", overlay,
                "--cni-conf-dir", product.Conf(i), "--cni-socket", System.IO.Path.Combine(product._folder, $"cni{i}.sock"), "--cni-cache-dir", System.IO.Path.Combine(product._folder, $"cache{i}"), "--cni-bin-dir", bin, "--state-dir", System.IO.Path.Combine(product._folder, $"state{i}")]));
        }

        for (var i = 0; i < underlay.Nodes.Count; i++)
        {
            await UntilAsync(() => File.Exists(System.IO.Path.Combine(product.Conf(i), "10-fairlead.conflist")), $"the agent of n{i + 1} writes its CNI configuration");
        }

        return product;
    }

    /// <summary>A Node object as a kubelet makes it.</summary>
    internal async Task RegisterAsync(string name, string address, int range)
    {
        var cidr = string.Create(CultureInfo.InvariantCulture, $"10.{32 + (range >> 8)}.{range & 255}.0/24");
        var node = new JsonObject
        {
            ["apiVersion"] = "v1", ["kind"] = "Node", ["metadata"] = new JsonObject { ["name"] = name },
            ["spec"] = new JsonObject { ["podCIDR"] = cidr, ["podCIDRs"] = new JsonArray(cidr) },
        };
        node = (JsonObject)(await Client.RequestAsync(HttpMethod.Post, "/api/v1/nodes", node))!;
        node["status"] = new JsonObject { ["addresses"] = new JsonArray(new JsonObject { ["type"] = "InternalIP", ["address"] = address }) };
        _ = await Client.RequestAsync(HttpMethod.Put, $"/api/v1/nodes/{name}/status", node);
    }

    /// <summary>A pod on a node, joined as a container runtime does it.</summary>
    internal (NetworkNamespace Network, string Address) Pod(int node)
    {
        var pod = _underlay.New();
        Underlay.Sh(pod, "ip link set lo up");
        var output = Call(_underlay.Nodes[node], [.. Cni("add", node), "fairlead", pod.Name!, "-o", "json"]);
        _pods.Add(($"{node}", pod.Name!));
        return (pod, ((string)JsonNode.Parse(output)!["ips"]![0]!["address"]!).Split('/')[0]);
    }

    /// <summary>The plugin of a node, to be started directly.</summary>
    internal PluginCalls Calls(int node)
        => new(System.IO.Path.Combine(_folder, "bin", "fairlead"), System.IO.Path.Combine(Conf(node), "10-fairlead.conflist"), _underlay.Nodes[node]);

    internal Path Path(string name, int from, int to)
    {
        var (client, server) = (Pod(from), Pod(to));
        return new(name, client.Network, server.Network, server.Address);
    }

    internal static async Task UntilAsync(Func<bool> condition, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!condition())
        {
            await Task.Delay(5);
            if (watch.Elapsed > TimeSpan.FromMinutes(1))
            {
                throw new InvalidOperationException($"not within a minute: {what}");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (node, pod) in _pods)
        {
            var index = int.Parse(node, CultureInfo.InvariantCulture);
            _ = Call(_underlay.Nodes[index], [.. Cni("del", index), "fairlead", pod]);
        }

        foreach (var agent in _agents)
        {
            agent.Kill();
            await agent.WaitForExitAsync();
            agent.Dispose();
        }

        Client.Dispose();
        await _stop.CancelAsync();
        await _server;
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string Conf(int node) => System.IO.Path.Combine(_folder, $"net{node}.d");

    private string[] Cni(string verb, int node)
        => ["cni", verb, "--conf-dir", Conf(node), "--path", System.IO.Path.Combine(_folder, "bin"), "--cache-dir", System.IO.Path.Combine(_folder, $"cache{node}")];

    private string Call(NetworkNamespace network, string[] arguments)
    {
        using var process = Start(network, "cni", arguments);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"fairlead {string.Join(' ', arguments)}: exit code {process.ExitCode}");
    }

    private Process Start(NetworkNamespace network, string name, string[] arguments)
    {
        var start = new ProcessStartInfo(System.IO.Path.Combine(_program, "fairlead"), arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        var process = network.Run(() => Process.Start(start)!);
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is { } text && (Environment.GetEnvironmentVariable("VERBOSE") is not null || name == "cni"))
            {
                Console.Error.WriteLine($"{name}: {text}");
            }
        };
        process.OutputDataReceived += (_, line) =>
        {
            if (line.Data is { } text && Environment.GetEnvironmentVariable("VERBOSE") is not null)
            {
                Console.Error.WriteLine($"{name}: {text}");
            }
        };
        process.BeginErrorReadLine();
        if (name != "cni")
        {
            process.BeginOutputReadLine();
        }

        return process;
    }
}
