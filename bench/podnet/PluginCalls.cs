using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Bench.PodNet;

/// <summary>The plugin as a container runtime starts it, with the configuration that the agent wrote.</summary>
internal sealed class PluginCalls(string plugin, string conflist, NetworkNamespace node)
{
    private readonly JsonObject _list = (JsonObject)JsonNode.Parse(File.ReadAllText(conflist))!;
    private int _count;

    /// <summary>Milliseconds of an ADD; the DEL after it is not counted.</summary>
    /// <param name="asksAgent">Whether the configuration names the agent; else the plugin does the work alone.</param>
    internal double Add(NetworkNamespace pod, bool asksAgent)
    {
        var config = (JsonObject)_list["plugins"]![0]!.DeepClone();
        config["cniVersion"] = _list["cniVersion"]!.DeepClone();
        config["name"] = _list["name"]!.DeepClone();
        config.Remove("capabilities");
        if (!asksAgent)
        {
            config.Remove("agent");
            config.Remove("policyNamespaces");
        }

        var id = string.Create(CultureInfo.InvariantCulture, $"bench-{++_count}");
        var took = Call("ADD", id, pod, config);
        _ = Call("DEL", id, pod, config);
        return took;
    }

    private double Call(string command, string id, NetworkNamespace pod, JsonObject config)
    {
        var start = new ProcessStartInfo(plugin)
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true,
            Environment =
            {
                ["CNI_COMMAND"] = command, ["CNI_CONTAINERID"] = id, ["CNI_NETNS"] = pod.Path, ["CNI_IFNAME"] = "eth0", ["CNI_PATH"] = System.IO.Path.GetDirectoryName(plugin),
                ["CNI_ARGS"] = $"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={id};K8S_POD_INFRA_CONTAINER_ID={id}",
            },
        };
        return node.Run(() =>
        {
            var watch = Stopwatch.StartNew();
            using var process = Process.Start(start)!;
            process.StandardInput.Write(config.ToJsonString());
            process.StandardInput.Close();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? watch.Elapsed.TotalMilliseconds : throw new InvalidOperationException($"{command}: {output}");
        });
    }
}
