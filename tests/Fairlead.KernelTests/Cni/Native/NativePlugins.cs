using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;
using Fairlead.Linux.Processes;

namespace Fairlead.KernelTests.Cni.Native;

/// <summary>The published executable under its plugins' names, called in a node's namespace as a runtime calls it.</summary>
internal sealed class NativePlugins(CniNode node)
{
    public string Data => node.DataFolder;

    /// <summary>Calls a plugin.</summary>
    /// <param name="plugin">The name it is started under.</param>
    /// <param name="command">The verb.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="id">The container.</param>
    /// <param name="netns">The container's namespace.</param>
    /// <param name="changed">Variables that are other than usual.</param>
    /// <param name="killAfter">Kills it then.</param>
    public async Task<PluginAnswer> CallAsync(
        string plugin, string command, string input, string id, string netns, CancellationToken ct, (string Name, string Value)? changed = null, TimeSpan? killAfter = null)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["CNI_COMMAND"] = command, ["CNI_CONTAINERID"] = id, ["CNI_NETNS"] = netns, ["CNI_IFNAME"] = "eth0", ["CNI_PATH"] = node.PluginFolder,
        };
        if (changed is var (name, value))
        {
            variables[name] = value;
        }

        using var stdin = Pipe.Create();
        using var stdout = Pipe.Create();
        using var stderr = Pipe.Create();
        using var process = ProcessHandle.Start(new SpawnOptions
        {
            Executable = Path.Combine(node.PluginFolder, plugin), Environment = variables, Network = node.Network,
            Input = stdin.Reader, Output = stdout.Writer, Error = stderr.Writer,
        });
        stdin.Reader.Dispose();
        stdout.Writer.Dispose();
        stderr.Writer.Dispose();
        var (output, error) = (ReadAsync(stdout, ct), ReadAsync(stderr, ct));
        await WriteAsync(stdin, input, ct);
        if (killAfter is { } time)
        {
            await Task.WhenAny(process.WaitAsync(ct), Task.Delay(time, TimeProvider.System, ct));
            process.Kill();
        }

        var status = await process.WaitAsync(ct);
        return new PluginAnswer(status.ShellCode, await output, await error);
    }

    /// <summary>ADD of each plugin of a chain, which must succeed.</summary>
    public async Task<JsonNode> AddAsync(JsonObject[] chain, string id, NetworkNamespace pod, CancellationToken ct)
    {
        JsonNode? result = null;
        foreach (var config in chain)
        {
            result = (await CallAsync(TypeOf(config), "ADD", Input(config, result), id, pod.Path, ct)).Success();
        }

        return result!;
    }

    /// <summary>DEL of each plugin of a chain in reverse order, which must succeed and say nothing.</summary>
    public async Task DelAsync(JsonObject[] chain, string id, NetworkNamespace pod, JsonNode? result, CancellationToken ct)
    {
        foreach (var config in chain.Reverse())
        {
            var answer = await CallAsync(TypeOf(config), "DEL", Input(config, result), id, pod.Path, ct);
            Assert.Equal((0, ""), (answer.ExitCode, answer.Output + answer.Error));
        }
    }

    /// <summary>GC of each plugin of a chain with nothing valid, which must succeed and say nothing.</summary>
    public async Task GcAsync(JsonObject[] chain, CancellationToken ct)
    {
        foreach (var config in chain)
        {
            var input = JsonNode.Parse(Input(config, null))!;
            input["cni.dev/valid-attachments"] = new JsonArray();
            var answer = await CallAsync(TypeOf(config), "GC", input.ToJsonString(), "", "", ct);
            Assert.Equal((0, ""), (answer.ExitCode, answer.Output + answer.Error));
        }
    }

    /// <summary>What there is on the node that a plugin may have made: links, rules, elements, routes, files.</summary>
    public string[] State()
    {
        using var route = RouteSocket.Open(node.Network);
        using var nftables = NftablesSocket.Open(node.Network);
        return
        [
            .. route.Links().Select(l => $"link {l.Name} {l.Kind} {l.Alias}").Order(StringComparer.Ordinal),
            .. route.Routes().Where(r => r.Protocol != RouteProtocol.Kernel).Select(r => $"route {r}").Order(StringComparer.Ordinal),
            .. nftables.Ruleset().ToString().Split('\n'),
            .. Files().Order(StringComparer.Ordinal),
        ];
    }

    public static string TypeOf(JsonObject config) => (string)config["type"]!;

    /// <summary>A configuration as a runtime passes it.</summary>
    public static string Input(JsonObject config, JsonNode? result)
    {
        var input = (JsonObject)config.DeepClone();
        input["cniVersion"] ??= "1.1.0";
        input["name"] ??= "pods";
        if (result is not null)
        {
            input["prevResult"] = result.DeepClone();
        }

        return input.ToJsonString();
    }

    /// <summary>All but the lock and the note of the last address, which stay, and a file that was being written when its writer was killed.</summary>
    private IEnumerable<string> Files() => !Directory.Exists(Data)
        ? []
        : Directory.GetFiles(Data, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetFileName(f) is var name && name is not ("lock" or ".fairlead-new") && !name.StartsWith("last_reserved_ip", StringComparison.Ordinal))
            .Select(f => $"file {Path.GetRelativePath(Data, f)}: {File.ReadAllText(f)}");

    private static async Task WriteAsync(Pipe pipe, string input, CancellationToken ct)
    {
        try
        {
            await using var stream = new FileStream(pipe.Writer, FileAccess.Write, 0);
            await stream.WriteAsync(Encoding.UTF8.GetBytes(input), ct);
        }
        catch (IOException)
        {
            // It was killed, or refused its variables, before it read.
        }
    }

    private static async Task<string> ReadAsync(Pipe pipe, CancellationToken ct)
    {
        await using var stream = new FileStream(pipe.Reader, FileAccess.Read, 0);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(ct);
    }
}
