using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.KernelTests.Cni;

/// <summary>A node with our plugins in its folder and a host outside (198.51.100.1 and .2), made for one test and gone with it.</summary>
public sealed class CniNode : IDisposable
{
    public static readonly IPAddress NodeAddress = IPAddress.Parse("198.51.100.1");
    public static readonly IPAddress OutsideAddress = IPAddress.Parse("198.51.100.2");

    private readonly TestNamespaces _namespaces = new();
    private int _pods;

    public CniNode()
    {
        Folder = Directory.CreateTempSubdirectory("fairlead-t-").FullName;
        Directory.CreateDirectory(ConfigFolder);
        CniInstall.Refresh(PublishedPlugins.Executable, PluginFolder);
        (Network, Outside) = (_namespaces.New("n"), _namespaces.New("o"));
        using var near = RouteSocket.Open(Network);
        using var far = RouteSocket.Open(Outside);
        near.SetUp(near.GetLink("lo").Index);
        var link = near.CreateVeth(new VethSpec("uplink") { PeerName = "uplink", PeerNamespace = Outside, Up = true, PeerUp = true });
        near.ReplaceAddress(link.Index, new InterfaceAddress(NodeAddress, 24));
        far.ReplaceAddress(far.GetLink("uplink").Index, new InterfaceAddress(OutsideAddress, 24));
    }

    public NetworkNamespace Network { get; }

    /// <summary>A host that knows the node and nothing of pods.</summary>
    public NetworkNamespace Outside { get; }

    public string Folder { get; }

    public string ConfigFolder => Path.Combine(Folder, "net.d");

    public string PluginFolder => Path.Combine(Folder, "bin");

    public string DataFolder => Path.Combine(Folder, "data");

    public string CacheFolder => Path.Combine(Folder, "cache");

    public CniRuntime Runtime => new(Options, TimeProvider.System);

    public CniRuntimeOptions Options => new()
    {
        ConfigDirectory = ConfigFolder, PluginDirectories = [PluginFolder], CacheDirectory = CacheFolder, NodeNamespace = Network,
    };

    /// <summary>Writes the node's network: a bridge, and portmap after it.</summary>
    public void Write(Action<JsonObject>? change = null, string subnet = "10.32.0.0/24", string? subnet6 = null, string version = "1.1.0")
    {
        var ranges = new JsonArray(new JsonArray(new JsonObject { ["subnet"] = subnet }));
        if (subnet6 is not null)
        {
            ranges.Add(new JsonArray(new JsonObject { ["subnet"] = subnet6 }));
        }

        var bridge = new JsonObject
        {
            ["type"] = "bridge",
            ["bridge"] = "cni0",
            ["isDefaultGateway"] = true,
            ["ipMasq"] = true,
            ["hairpinMode"] = true,
            ["ipam"] = new JsonObject { ["type"] = "host-local", ["ranges"] = ranges, ["dataDir"] = DataFolder },
        };
        change?.Invoke(bridge);
        WriteList("pods", version, bridge, new JsonObject { ["type"] = "portmap", ["capabilities"] = new JsonObject { ["portMappings"] = true } });
    }

    public void WriteList(string name, string version, params JsonObject[] plugins)
        => File.WriteAllText(
            Path.Combine(ConfigFolder, "10-pods.conflist"),
            new JsonObject { ["cniVersion"] = version, ["name"] = name, ["plugins"] = new JsonArray([.. plugins]) }.ToJsonString());

    /// <summary>A namespace for a container, and what to ask the runtime for.</summary>
    public (NetworkNamespace Network, CniAttachment Attachment) NewPod(string? ports = null)
    {
        var number = Interlocked.Increment(ref _pods);
        var network = _namespaces.New($"p{number}");
        return (network, new CniAttachment($"c{number}", network.Path, "eth0")
        {
            Arguments = ImmutableSortedDictionary<string, string>.Empty.Add("K8S_POD_NAMESPACE", "app-space").Add("K8S_POD_NAME", $"pod-{number}"),
            Capabilities = ports is null
                ? ImmutableSortedDictionary<string, JsonNode>.Empty
                : ImmutableSortedDictionary<string, JsonNode>.Empty.Add("portMappings", JsonNode.Parse(ports)!),
        });
    }

    public async Task<Pod> AddPodAsync(string? ports = null, CancellationToken ct = default)
    {
        var (network, attachment) = NewPod(ports);
        return new Pod(network, attachment, await Runtime.AddAsync(attachment, ct));
    }

    /// <summary>The addresses that are reserved on disk.</summary>
    public string[] Reserved(string network = "pods")
    {
        var folder = Path.Combine(DataFolder, network);
        return Directory.Exists(folder)
            ? [.. Directory.GetFiles(folder).Select(f => Path.GetFileName(f)).Where(n => IPAddress.TryParse(n, out _)).Order(StringComparer.Ordinal)]
            : [];
    }

    /// <summary>The host's ends of pods' cables.</summary>
    public string[] Cables()
    {
        using var socket = RouteSocket.Open(Network);
        return [.. socket.Links().Where(l => l.Kind == "veth" && l.Name != "uplink").Select(l => l.Name)];
    }

    public void Dispose()
    {
        _namespaces.Dispose();
        Directory.Delete(Folder, recursive: true);
    }
}

/// <summary>A container that was added.</summary>
public sealed record Pod(NetworkNamespace Network, CniAttachment Attachment, CniResult Result)
{
    public IPAddress Address => Result.Addresses[0].Address;
}
