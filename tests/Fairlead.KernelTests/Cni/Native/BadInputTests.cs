using System.Text.Json.Nodes;
using Fairlead.Cni.Plugins;

namespace Fairlead.KernelTests.Cni.Native;

/// <summary>What no plugin may take, given to every plugin's executable: the right code, one JSON document on standard output, nothing changed.</summary>
public sealed class BadInputTests : IDisposable
{
    private const string Subnet = "10.33.0.0/30"; // one address
    private static readonly string[] s_withAddresses = ["bridge", "fairlead", "host-local", "ipvlan", "macvlan", "net-script", "ptp", "tap", "vlan", "dummy"];

    // What the kernel lacks is known before an address is taken.
    private static readonly string[] s_mayBeMissing = ["dummy", "ipvlan", "vlan"];

    // These do not look into the container.
    private static readonly string[] s_outside = ["firewall", "host-local", "portmap", "static"];

    private readonly CniNode _node = new();
    private readonly NativePlugins _plugins;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public BadInputTests() => _plugins = new NativePlugins(_node);

    public static TheoryData<string> Names => [.. PluginCatalog.Names];

    /// <summary>Values of the wrong type, of options that only some plugins have.</summary>
    public static TheoryData<string, string, string> WrongTypes => new()
    {
        { "bandwidth", "ingressRate", "\"fast\"" }, { "bandwidth", "egressBurst", "[1]" },
        { "bridge", "bridge", "7" }, { "bridge", "isGateway", "\"yes\"" }, { "bridge", "mtu", "\"big\"" }, { "bridge", "ipam", "[]" },
        { "bridge", "ipam", "{\"type\":5}" }, { "bridge", "vlanTrunk", "{}" }, { "bridge", "vlan", "1.5" }, { "bridge", "runtimeConfig", "[]" },
        { "dummy", "ipam", "5" },
        { "fairlead", "sysctl", "[]" }, { "fairlead", "firewall", "\"no\"" }, { "fairlead", "runtimeConfig", "{\"portMappings\":{}}" },
        { "firewall", "backend", "1" }, { "firewall", "ingressPolicy", "true" },
        { "host-device", "device", "5" },
        { "host-local", "ipam", "{\"type\":\"host-local\",\"ranges\":7}" }, { "host-local", "ipam", "{\"type\":\"host-local\",\"subnet\":7}" },
        { "host-local", "ipam", "{\"type\":\"host-local\",\"subnet\":\"10.1.0.0/24\",\"routes\":{}}" },
        { "ipvlan", "mode", "1" }, { "loopback", "type", "5" },
        { "macvlan", "mode", "1" }, { "macvlan", "mtu", "\"big\"" }, { "macvlan", "linkInContainer", "\"no\"" },
        { "net-script", "isGateway", "1" },
        { "portmap", "runtimeConfig", "{\"portMappings\":{}}" }, { "portmap", "runtimeConfig", "{\"portMappings\":[{\"hostPort\":\"x\"}]}" }, { "portmap", "snat", "1" },
        { "ptp", "ipMasq", "\"yes\"" }, { "ptp", "dns", "[]" },
        { "sbr", "table", "\"x\"" },
        { "static", "ipam", "{\"type\":\"static\",\"addresses\":{}}" },
        { "tap", "multiQueue", "\"x\"" }, { "tap", "owner", "\"root\"" },
        { "tuning", "sysctl", "[]" }, { "tuning", "mtu", "\"x\"" }, { "tuning", "promisc", "1" },
        { "vlan", "vlanId", "\"x\"" }, { "vlan", "master", "5" },
        { "vrf", "vrfname", "5" }, { "vrf", "table", "\"x\"" },
    };

    public void Dispose() => _node.Dispose();

    [Theory, MemberData(nameof(Names))]
    public async Task Documents_and_variables_that_are_none(string plugin)
    {
        var (pod, _) = _node.NewPod();
        var good = NativePlugins.Input(ConfigOf(plugin), Previous(pod.Path));
        var file = Path.Combine(_node.Folder, "file");
        await File.WriteAllTextAsync(file, "", _ct);
        var before = _plugins.State();
        foreach (var verb in (string[])["ADD", "DEL", "CHECK"])
        {
            await RefusedAsync(6, "no input", plugin, verb, "", pod.Path);
            await RefusedAsync(6, "half a document", plugin, verb, good[..(good.Length / 2)], pod.Path);
            await RefusedAsync(6, "two documents", plugin, verb, good + good, pod.Path);
            await RefusedAsync(6, "bytes that are no text", plugin, verb, "\0\u0001\uffff", pod.Path);
            await RefusedAsync(6, "a list", plugin, verb, "[]", pod.Path);
            await RefusedAsync(6, "a number for a version", plugin, verb, With(good, "cniVersion", "1"), pod.Path);
            await RefusedAsync(1, "a version to come", plugin, verb, With(good, "cniVersion", "\"9.9.9\""), pod.Path);
            await RefusedAsync(6, "a list for a name", plugin, verb, With(good, "name", "[\"pods\"]"), pod.Path);
            await RefusedAsync(7, "a path for a name", plugin, verb, With(good, "name", "\"../pods\""), pod.Path);
            await RefusedAsync(4, "a path for a container", plugin, verb, good, pod.Path, ("CNI_CONTAINERID", "../../etc/x"));
            await RefusedAsync(4, "a path for an interface", plugin, verb, good, pod.Path, ("CNI_IFNAME", "../x"));
            await RefusedAsync(4, "a rule for an interface", plugin, verb, good, pod.Path, ("CNI_IFNAME", "x\" drop;"));
            await RefusedAsync(4, "arguments that are none", plugin, verb, good, pod.Path, ("CNI_ARGS", "a;b"));
            await RefusedAsync(4, "no command", plugin, "", good, pod.Path, ("CNI_COMMAND", ""));
        }

        if (!s_outside.Contains(plugin))
        {
            foreach (var (because, netns) in new[] { ("a file", file), ("nothing", file + "x"), ("a folder", _node.Folder), ("the host's own", _node.Network.Path) })
            {
                await RefusedAsync(8, $"{because} for a namespace", plugin, "ADD", good, netns);
            }
        }

        Assert.Equal(before, _plugins.State());
    }

    [Theory, MemberData(nameof(WrongTypes))]
    public async Task Values_of_the_wrong_type(string plugin, string field, string value)
    {
        var (pod, _) = _node.NewPod();
        var before = _plugins.State();

        var refused = await RefusedAsync(6, field, plugin, "ADD", With(NativePlugins.Input(ConfigOf(plugin), Previous(pod.Path)), field, value), pod.Path);

        Assert.Contains(field, refused.Message, StringComparison.Ordinal);
        Assert.Equal(before, _plugins.State());
    }

    [Fact]
    public async Task A_range_without_a_free_address()
    {
        var (pod, _) = _node.NewPod();
        var taken = NativePlugins.Input(ConfigOf("host-local"), null);
        Assert.Equal(0, (await _plugins.CallAsync("host-local", "ADD", taken, "holder", pod.Path, _ct)).ExitCode);
        foreach (var plugin in s_withAddresses)
        {
            var before = PerhapsBridge(_plugins.State());

            await RefusedAsync(100, "exhausted", plugin, "ADD", NativePlugins.Input(ConfigOf(plugin), null), pod.Path);

            Assert.Equal(before, PerhapsBridge(_plugins.State()));
        }
    }

    [Fact]
    public async Task A_folder_for_data_that_cannot_be_written()
    {
        var (pod, _) = _node.NewPod();
        var file = Path.Combine(_node.Folder, "file");
        await File.WriteAllTextAsync(file, "", _ct);
        foreach (var folder in new[] { Path.Combine(file, "data"), "/proc/fairlead" })
        {
            foreach (var plugin in s_withAddresses)
            {
                var before = _plugins.State();
                var config = ConfigOf(plugin);
                config["ipam"]!["dataDir"] = folder;

                await RefusedAsync(5, folder, plugin, "ADD", NativePlugins.Input(config, null), pod.Path);

                Assert.Equal(before, _plugins.State());
            }
        }

        var tuning = new JsonObject { ["type"] = "tuning", ["mtu"] = 1400, ["dataDir"] = Path.Combine(file, "data") };
        var (other, _) = _node.NewPod();
        var result = await _plugins.AddAsync([Chains.Bridge(_node.DataFolder, "10.34.0.0/24")], "tuned", other, _ct);
        await RefusedAsync(5, "tuning", "tuning", "ADD", NativePlugins.Input(tuning, result), other.Path, ("CNI_CONTAINERID", "tuned"));
    }

    [Theory, MemberData(nameof(Names))]
    public async Task DEL_takes_a_namespace_that_is_none_for_one_that_is_gone(string plugin)
    {
        var before = _plugins.State();

        var answer = await _plugins.CallAsync(
            plugin, "DEL", NativePlugins.Input(ConfigOf(plugin), Previous("/etc/passwd")), "c1", "/etc/passwd", _ct);

        Assert.Equal((0, "", ""), (answer.ExitCode, answer.Output, answer.Error));
        Assert.Equal(before, _plugins.State());
    }

    private async Task<PluginAnswer> RefusedAsync(
        int code, string because, string plugin, string verb, string input, string netns, (string, string)? changed = null)
    {
        var answer = await _plugins.CallAsync(plugin, verb, input, "c1", netns, _ct, changed);
        if (s_mayBeMissing.Contains(plugin) && code is 5 or 100 && answer.ExitCode == 1 && answer.Code == 2)
        {
            return answer;
        }

        Assert.Equal((1, because), (answer.ExitCode, because));
        Assert.Equal((plugin, verb, because, code), (plugin, verb, because, answer.Code)); // reading the code fails unless it is one document
        Assert.NotEmpty(answer.Message);
        Assert.DoesNotContain("   at ", answer.Error, StringComparison.Ordinal);
        return answer;
    }

    /// <summary>A configuration that would do.</summary>
    private JsonObject ConfigOf(string plugin)
    {
        var config = plugin switch
        {
            "bridge" or "net-script" or "fairlead" => Chains.Bridge(_node.DataFolder, Subnet, plugin),
            "macvlan" or "ipvlan" => new JsonObject { ["master"] = "uplink", ["ipam"] = Chains.HostLocal(_node.DataFolder, Subnet) },
            "vlan" => new JsonObject { ["master"] = "uplink", ["vlanId"] = 5, ["ipam"] = Chains.HostLocal(_node.DataFolder, Subnet) },
            "portmap" => Chains.Portmap(20_000),
            "bandwidth" => Chains.Bandwidth(),
            "static" => new JsonObject { ["ipam"] = new JsonObject { ["type"] = "static", ["addresses"] = new JsonArray(new JsonObject { ["address"] = "10.1.2.3/24" }) } },
            "tuning" => new JsonObject { ["mtu"] = 1400, ["dataDir"] = _node.DataFolder },
            "vrf" => new JsonObject { ["vrfname"] = "vrf0" },
            "host-device" => new JsonObject { ["device"] = "none0" },
            "sbr" or "loopback" or "firewall" => [],
            _ => new JsonObject { ["ipam"] = Chains.HostLocal(_node.DataFolder, Subnet) },
        };
        config["type"] = plugin;
        return config;
    }

    private static JsonObject Previous(string netns) => new()
    {
        ["cniVersion"] = "1.1.0",
        ["interfaces"] = new JsonArray(new JsonObject { ["name"] = "eth0", ["sandbox"] = netns }),
        ["ips"] = new JsonArray(new JsonObject { ["address"] = "10.33.0.2/30", ["interface"] = 0 }),
    };

    private static string With(string document, string field, string value)
    {
        var node = JsonNode.Parse(document)!;
        node[field] = JsonNode.Parse(value);
        return node.ToJsonString();
    }

    /// <summary>The bridge is a network's, not a container's: an ADD may make it before it fails.</summary>
    private static IEnumerable<string> PerhapsBridge(string[] state) => state.Where(line => !line.StartsWith("link cni0", StringComparison.Ordinal));
}
