using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Processes;

namespace Fairlead.Bench.Cni;

/// <summary>A namespace that plays a node, with one implementation's plugins and containers to attach; gone with the measurement.</summary>
internal sealed class Node : IDisposable
{
    private static int s_count;
    private readonly string _plugins;
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-bench-").FullName;
    private readonly NetworkNamespace _network = New();
    private readonly List<NetworkNamespace> _pods = [];

    internal Node(string plugins, int pods)
    {
        _plugins = plugins;
        for (var i = 0; i < pods; i++)
        {
            _pods.Add(New());
        }

        using var socket = RouteSocket.Open(_network);
        socket.SetUp(socket.GetLink("lo").Index);
    }

    internal string DataFolder => Path.Combine(_folder, "data");

    /// <summary>The program that runs plugins and tells of their memory; null where they run by themselves.</summary>
    internal string? MemoryScript { get; init; }

    /// <summary>Where the memory of all is counted; null for nowhere.</summary>
    internal MemoryGroup? Group { get; init; }

    /// <summary>Peak resident memory of the largest process so far, in KiB.</summary>
    internal long LargestProcess { get; private set; }

    /// <summary>ADD of each plugin, as a runtime does it.</summary>
    internal async Task<JsonNode> AddAsync(Chain chain, int number)
    {
        JsonNode? result = null;
        foreach (var config in chain.Plugins(this, number))
        {
            result = JsonNode.Parse(await CallAsync("ADD", config, number, result));
        }

        return result!;
    }

    /// <summary>DEL of each plugin in reverse order.</summary>
    internal async Task DelAsync(Chain chain, int number, JsonNode result)
    {
        foreach (var config in chain.Plugins(this, number).Reverse())
        {
            _ = await CallAsync("DEL", config, number, result);
        }
    }

    public void Dispose()
    {
        foreach (var network in (IEnumerable<NetworkNamespace>)[_network, .. _pods])
        {
            network.Dispose();
            _ = NetworkNamespace.Delete(network.Name!);
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static NetworkNamespace New()
        => NetworkNamespace.Create(string.Create(CultureInfo.InvariantCulture, $"fairlead-bench-{Environment.ProcessId}-{++s_count}"));

    private async Task<byte[]> CallAsync(string command, JsonObject config, int number, JsonNode? result)
    {
        config["cniVersion"] = "1.0.0"; // the newest that both speak
        config["name"] = "pods";
        config["prevResult"] = result?.DeepClone();
        var executable = Path.Combine(_plugins, (string)config["type"]!);
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin",
            ["CNI_COMMAND"] = command,
            ["CNI_CONTAINERID"] = string.Create(CultureInfo.InvariantCulture, $"container-{number}"),
            ["CNI_NETNS"] = _pods[number].Path,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = _plugins,
        };
        var options = new SpawnOptions { Executable = executable, Environment = variables, Network = _network };
        var input = Encoding.UTF8.GetBytes(config.ToJsonString());
        var done = MemoryScript is null ? await Command.RunAsync(options, input) : await WithMemoryAsync(options, input);
        return done.Status.Succeeded
            ? done.Output
            : throw new InvalidOperationException($"{executable} {command}: {done.Status}: {Encoding.UTF8.GetString(done.Output)}{Encoding.UTF8.GetString(done.Error)}");
    }

    private async Task<CommandResult> WithMemoryAsync(SpawnOptions options, byte[] input)
    {
        using var pipe = Pipe.Create();
        var done = await Command.RunAsync(
            options with { Executable = "/usr/bin/perl", Arguments = [MemoryScript!, Group?.Processes ?? "-", options.Executable], Inherit = [pipe.Writer] }, input);
        pipe.Writer.Dispose();
        _ = long.TryParse(await ReadAsync(pipe), NumberStyles.None, CultureInfo.InvariantCulture, out var peak); // none where it could not be started
        lock (_pods)
        {
            LargestProcess = Math.Max(LargestProcess, peak);
        }

        return done;
    }

    private static async Task<string> ReadAsync(Pipe pipe)
    {
        using var reader = new StreamReader(new FileStream(pipe.Reader, FileAccess.Read, 0));
        return await reader.ReadToEndAsync();
    }
}
