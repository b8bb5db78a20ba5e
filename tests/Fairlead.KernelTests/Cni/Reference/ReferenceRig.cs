using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;

namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>A node, two containers and a folder for one implementation: runs a case and writes down what came of it.</summary>
internal sealed partial class ReferenceRig : IDisposable
{
    private readonly TestNamespaces _namespaces = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
    private readonly string _plugins;
    private readonly NetworkNamespace _node;
    private readonly NetworkNamespace[] _pods;
    private readonly StringBuilder _record = new();

    public ReferenceRig(string plugins)
    {
        _plugins = plugins;
        (_node, _pods) = (_namespaces.New("n"), [_namespaces.New("p"), _namespaces.New("q")]);
    }

    private string DataFolder => Path.Combine(_folder, "data");

    /// <summary>Runs the verbs of a case.</summary>
    /// <returns>A line for each answer and each thing in the kernel, without what differs from run to run.</returns>
    public async Task<string[]> RunAsync(ReferenceCase theCase, CancellationToken ct)
    {
        await IpAsync(_node, $"link set lo up\n{theCase.Setup.Replace("$POD", _pods[0].Name, StringComparison.Ordinal)}", ct);
        await IpAsync(_pods[0], theCase.PodSetup, ct);
        var results = new Dictionary<int, JsonNode>();
        foreach (var verb in theCase.Verbs.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (verb == "STATE")
            {
                await StateAsync(ct);
                continue;
            }

            var pod = verb.EndsWith('2') ? 1 : 0;
            if (verb.StartsWith("CHECK", StringComparison.Ordinal) && theCase.Verbs.Contains("ADD", StringComparison.Ordinal) && !results.ContainsKey(pod))
            {
                continue; // there is nothing to check
            }

            await CallAsync(theCase, verb.TrimEnd('2'), pod, results, ct);
        }

        await StateAsync(ct);
        return _record.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public void Dispose()
    {
        _namespaces.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task CallAsync(ReferenceCase theCase, string verb, int pod, Dictionary<int, JsonNode> results, CancellationToken ct)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin",
            ["CNI_COMMAND"] = verb,
            ["CNI_CONTAINERID"] = $"c{pod + 1}",
            ["CNI_NETNS"] = _pods[pod].Path,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = _plugins,
        };
        foreach (var (name, value) in theCase.Variables)
        {
            variables[name] = Expand(value, pod);
        }

        var unset = variables.Where(v => v.Value.Length == 0).Select(v => v.Key).ToList();
        unset.ForEach(name => variables.Remove(name));
        var done = await Command.RunAsync(
            new SpawnOptions { Executable = Path.Combine(_plugins, theCase.Plugin), Environment = variables, Network = _node },
            Encoding.UTF8.GetBytes(WithPrevious(Expand(theCase.Config, pod), verb == "ADD" ? null : results.GetValueOrDefault(pod))),
            ct);
        var text = Encoding.UTF8.GetString(done.Output).Trim();
        _record.Append($"{verb}{(pod > 0 ? "2" : "")}: ").Append(Answer(done.Status.ShellCode, text)).Append('\n');
        if (verb == "ADD" && done.Status.ShellCode == 0 && text.StartsWith('{'))
        {
            results[pod] = JsonNode.Parse(text)!;
        }
    }

    private string Expand(string text, int pod) => text
        .Replace("$DATA", DataFolder, StringComparison.Ordinal)
        .Replace("$NETNS", _pods[pod].Path, StringComparison.Ordinal)
        .Replace("$NODE", _node.Path, StringComparison.Ordinal);

    /// <summary>The answer to an ADD goes into what follows it, as a runtime does.</summary>
    private static string WithPrevious(string config, JsonNode? result)
    {
        if (result is null || JsonNode.Parse(config) is not JsonObject parsed || Version.Parse((string?)parsed["cniVersion"] ?? "0.1.0") < new Version(0, 4, 0))
        {
            return config;
        }

        parsed["prevResult"] = result.DeepClone();
        return parsed.ToJsonString();
    }

    private string Answer(int code, string text)
    {
        if (text.Length == 0)
        {
            return code == 0 ? "done" : $"exit code {code} and nothing said";
        }

        JsonNode? node;
        try
        {
            node = JsonNode.Parse(text);
        }
        catch (System.Text.Json.JsonException)
        {
            return $"exit code {code} and no JSON: {text}";
        }

        // Messages are each implementation's own; what a program goes by is the code.
        return code == 0 ? Mask(Sorted(node)!.ToJsonString()) : $"refused, code {node!["code"]}";
    }

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject o => new JsonObject(o.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Sorted(p.Value)))),
        JsonArray a => new JsonArray([.. a.Select(Sorted)]),
        _ => node?.DeepClone(),
    };

    /// <summary>Names, addresses and paths that are made up anew each time.</summary>
    private string Mask(string text)
    {
        text = text.Replace(_pods[0].Path, "$NETNS", StringComparison.Ordinal).Replace(_pods[1].Path, "$NETNS2", StringComparison.Ordinal)
            .Replace(DataFolder, "$DATA", StringComparison.Ordinal);
        return MadeUpName().Replace(MadeUpMac().Replace(text, "MAC"), "VETH");
    }

    private async Task StateAsync(CancellationToken ct)
    {
        foreach (var (name, space) in new[] { ("node", _node), ("pod", _pods[0]), ("pod2", _pods[1]) })
        {
            await KernelState.WriteAsync(name, space, line => _record.Append(Mask(line)).Append('\n'), ct);
        }

        string[] files = Directory.Exists(DataFolder) ? Directory.GetFiles(DataFolder, "*", SearchOption.AllDirectories) : [];
        foreach (var file in files.Order(StringComparer.Ordinal))
        {
            if (Path.GetFileName(file) != "lock")
            {
                var content = (await File.ReadAllTextAsync(file, ct)).Replace("\r", "\\r", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
                content = content.StartsWith('{') ? JsonNode.Parse(await File.ReadAllTextAsync(file, ct))!.ToJsonString() : content;
                _record.Append($"file {Path.GetRelativePath(DataFolder, file)}: {content}\n");
            }
        }
    }

    private static async Task IpAsync(NetworkNamespace space, string batch, CancellationToken ct)
    {
        var done = await Command.RunAsync(
            new SpawnOptions { Executable = "/usr/sbin/ip", Arguments = ["-batch", "-"], Network = space }, Encoding.UTF8.GetBytes(batch), ct);
        Assert.True(done.Status.ShellCode == 0, Encoding.UTF8.GetString(done.Error));
    }

    [GeneratedRegex("\\b(veth|bwp)[0-9a-f]{8,12}\\b")]
    private static partial Regex MadeUpName();

    // Those that a case asks for begin with four bytes that no made-up one hits by chance (two do, once in a few runs of the suite).
    [GeneratedRegex("\\b(?!02:00:00:00:)[0-9a-f]{2}(:[0-9a-f]{2}){5}\\b")]
    private static partial Regex MadeUpMac();
}
