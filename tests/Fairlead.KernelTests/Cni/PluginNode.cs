using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Cni;

/// <summary>A node on which plugins are called in this process, in the node's namespace, as a runtime would call the executable.</summary>
public sealed class PluginNode : IDisposable
{
    private readonly TestNamespaces _namespaces = new();
    private int _pods;

    public PluginNode()
    {
        Folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
        Executable = Path.Combine(Folder, "fairlead-cni");
        File.WriteAllText(Executable, "");
        foreach (var name in PluginCatalog.Names)
        {
            File.CreateSymbolicLink(Path.Combine(Folder, name), Executable);
        }

        Network = _namespaces.New("n");
        using var socket = RouteSocket.Open(Network);
        socket.SetUp(socket.GetLink("lo").Index);
    }

    public NetworkNamespace Network { get; }

    public string Folder { get; }

    public string DataFolder => Path.Combine(Folder, "data");

    /// <summary>The address of the system's bus; none, but for a test that starts one.</summary>
    public string Bus { get; set; } = "unix:path=/nowhere";

    private string Executable { get; }

    /// <summary>An IPAM section of host-local.</summary>
    public JsonObject HostLocal(string subnet = "10.61.0.0/24", string? subnet6 = null)
    {
        var ranges = new JsonArray(new JsonArray(new JsonObject { ["subnet"] = subnet }));
        if (subnet6 is not null)
        {
            ranges.Add(new JsonArray(new JsonObject { ["subnet"] = subnet6 }));
        }

        return new JsonObject { ["type"] = "host-local", ["ranges"] = ranges, ["dataDir"] = DataFolder };
    }

    public NetworkNamespace NewNamespace(string suffix = "") => _namespaces.New(suffix);

    public PluginPod NewPod()
    {
        var number = Interlocked.Increment(ref _pods);
        return new PluginPod($"c{number}", _namespaces.New($"p{number}"));
    }

    /// <summary>The host's side: a veth pair whose other end is in a namespace of its own, named <c>eth0</c> on both.</summary>
    public NetworkNamespace Uplink(string near = "198.51.100.1/24", string far = "198.51.100.2/24", int mtu = 1500)
    {
        var outside = _namespaces.New("o");
        using var here = RouteSocket.Open(Network);
        using var there = RouteSocket.Open(outside);
        var link = here.CreateVeth(new VethSpec("eth0") { PeerName = "eth0", PeerNamespace = outside, Mtu = mtu, Up = true, PeerUp = true });
        here.ReplaceAddress(link.Index, InterfaceAddress.Parse(near));
        there.ReplaceAddress(there.GetLink("eth0").Index, InterfaceAddress.Parse(far));
        return outside;
    }

    /// <summary>Calls a plugin; the configuration gets what is missing of name, version and type.</summary>
    public PluginAnswer Call(
        string command, JsonObject config, PluginPod? pod = null, string interfaceName = "eth0", string arguments = "", JsonNode? previous = null, string? netns = null)
    {
        var input = (JsonObject)config.DeepClone();
        input["cniVersion"] ??= "1.1.0";
        input["name"] ??= "pods";
        if (previous is not null)
        {
            input["prevResult"] = previous.DeepClone();
        }

        var variables = new Dictionary<string, string>
        {
            ["CNI_COMMAND"] = command, ["CNI_CONTAINERID"] = pod?.Id ?? "", ["CNI_NETNS"] = netns ?? pod?.Network.Path ?? "",
            ["CNI_IFNAME"] = interfaceName, ["CNI_ARGS"] = arguments, ["CNI_PATH"] = Folder, ["DBUS_SYSTEM_BUS_ADDRESS"] = Bus,
        };
        using var output = new MemoryStream();
        using var error = new StringWriter();
        var host = new CniHost(name => variables.GetValueOrDefault(name), new MemoryStream(Encoding.UTF8.GetBytes(input.ToJsonString())), output, error)
        {
            ProgramName = "fairlead-cni", Executable = Executable,
        };
        var exitCode = Network.Run(() => PluginProgram.Run(host));
        return new PluginAnswer(exitCode, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    /// <summary>ADD that must succeed.</summary>
    public JsonNode Add(JsonObject config, PluginPod pod, string interfaceName = "eth0", string arguments = "", JsonNode? previous = null)
        => Call("ADD", config, pod, interfaceName, arguments, previous).Success();

    /// <summary>DEL that must succeed.</summary>
    public void Del(JsonObject config, PluginPod pod, string interfaceName = "eth0", JsonNode? previous = null, string? netns = null)
        => Call("DEL", config, pod, interfaceName, previous: previous, netns: netns).Success();

    /// <summary>GC with these attachments valid, which must succeed.</summary>
    public void Gc(JsonObject config, params PluginPod[] valid)
    {
        var input = (JsonObject)config.DeepClone();
        input["cni.dev/valid-attachments"] = new JsonArray(
            [.. valid.Select(p => new JsonObject { ["containerID"] = p.Id, ["ifname"] = "eth0" })]);
        Call("GC", input).Success();
    }

    public string[] Reserved(string network = "pods")
    {
        var folder = Path.Combine(DataFolder, network);
        return Directory.Exists(folder)
            ? [.. Directory.GetFiles(folder).Select(f => Path.GetFileName(f)!).Where(n => n.Any(char.IsAsciiDigit) && (n.Contains('.', StringComparison.Ordinal) || n.Contains(':', StringComparison.Ordinal)) && !n.StartsWith("last", StringComparison.Ordinal)).Order(StringComparer.Ordinal)]
            : [];
    }

    public void Dispose()
    {
        _namespaces.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A container: its id and its namespace.</summary>
public sealed record PluginPod(string Id, NetworkNamespace Network);

/// <summary>What a plugin said.</summary>
public sealed record PluginAnswer(int ExitCode, string Output, string Error)
{
    public int Code => (int)JsonNode.Parse(Output)!["code"]!;

    public string Message => (string)JsonNode.Parse(Output)!["msg"]!;

    /// <summary>The result; nothing where the verb has none.</summary>
    public JsonNode Success()
    {
        Assert.True(ExitCode == 0, $"{Output}{Error}");
        return Output.Length == 0 ? new JsonObject() : JsonNode.Parse(Output)!;
    }

    /// <summary>Fails the test unless it was refused with this code.</summary>
    public PluginAnswer Refused(int code)
    {
        Assert.True(ExitCode == 1, Output);
        Assert.True(Code == code, Output);
        return this;
    }
}
