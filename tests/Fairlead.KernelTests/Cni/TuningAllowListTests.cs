using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;

namespace Fairlead.KernelTests.Cni;

/// <summary>The list of the machine's owner, <c>/etc/cni/tuning/allowlist.conf</c>, as the executable finds it.</summary>
public sealed class TuningAllowListTests : IDisposable
{
    private readonly PluginNode _node = new();

    public void Dispose() => _node.Dispose();

    [Theory]
    [InlineData("^net.ipv4.conf.IFNAME.[a-z_]*$", "net.ipv4.conf.IFNAME.arp_filter", true)]
    [InlineData("^net.ipv4.conf.IFNAME.[a-z_]*$", "net.core.somaxconn", false)]
    [InlineData("", "net.core.somaxconn", false)]
    [InlineData(null, "net.core.somaxconn", true)]
    public void A_setting_is_written_where_the_list_allows_it(string? list, string setting, bool allowed)
    {
        Shell.Need("unshare");
        var plugin = Path.Combine(_node.Folder, "ours/tuning");
        Directory.CreateDirectory(Path.GetDirectoryName(plugin)!);
        File.CreateSymbolicLink(plugin, PublishedPlugins.Executable);
        var pod = _node.NewPod();
        var previous = _node.Add(new JsonObject { ["type"] = "bridge", ["cniVersion"] = "1.0.0", ["ipam"] = _node.HostLocal() }, pod);
        var config = new JsonObject
        {
            ["cniVersion"] = "1.0.0", ["name"] = "pods", ["type"] = "tuning", ["dataDir"] = Path.Combine(_node.Folder, "tuning.d"),
            ["sysctl"] = new JsonObject { [setting] = "1" }, ["prevResult"] = previous.DeepClone(),
        };

        // In mounts of its own the machine's /etc is another, which ends with the plugin.
        var write = list is null ? "" : $"mkdir -p /etc/cni/tuning; printf '%s\\n' '{list}' > /etc/cni/tuning/allowlist.conf;";
        var said = JsonNode.Parse(_node.Network.Sh(
            $"unshare -m sh -c \"$SCRIPT\" || true".Replace("$SCRIPT", Quoted(
                $"mount -t tmpfs none /etc; {write} CNI_COMMAND=ADD CNI_CONTAINERID={pod.Id} CNI_NETNS={pod.Network.Path} CNI_IFNAME=eth0 CNI_PATH=/x exec {plugin}"), StringComparison.Ordinal),
            config.ToJsonString()))!;

        Assert.Equal(allowed ? null : 7, (int?)said["code"]);
        Assert.True(allowed || ((string)said["msg"]!).Contains("allowlist.conf", StringComparison.Ordinal), said.ToJsonString());
        var path = $"/proc/sys/{setting.Replace("IFNAME", "eth0", StringComparison.Ordinal).Replace('.', '/')}";
        Assert.Equal(allowed, pod.Network.Sh($"cat {path}").Trim() == "1");
    }

    private static string Quoted(string script) => script.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("$", "\\$", StringComparison.Ordinal);
}
