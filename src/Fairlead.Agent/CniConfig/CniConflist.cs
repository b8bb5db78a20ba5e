using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fairlead.Core.Services;
using Fairlead.Kube.State;

namespace Fairlead.Agent.CniConfig;

/// <summary>The CNI configuration that a container runtime reads on this node.</summary>
public static class CniConflist
{
    public const string FileName = "10-fairlead.conflist";

    /// <summary>The bridge that pods hang on.</summary>
    public const string Bridge = "cni0";

    /// <summary>The network's name in it.</summary>
    public const string Network = "fairlead";

    /// <summary>The programs it names, which a runtime needs in its plugin folder.</summary>
    public static IReadOnlyList<string> Plugins { get; } = ["fairlead", "host-local"];

    private static readonly JsonWriterOptions s_indented = new() { Indented = true };

    /// <summary>One plugin that does all: bridge, host-local over the node's pod ranges (an address of each family for a pod), hostPort and rates.</summary>
    public static byte[] Render(EquatableArray<IPNetwork> podRanges, int mtu, CniPaths paths)
    {
        var conflist = new JsonObject
        {
            ["cniVersion"] = "1.0.0",
            ["name"] = Network,
            ["plugins"] = new JsonArray(
                new JsonObject
                {
                    ["type"] = "fairlead",
                    ["agent"] = paths.Socket,
                    ["policyNamespaces"] = paths.PolicyNamespaces,
                    ["bridge"] = Bridge,
                    ["isDefaultGateway"] = true,
                    ["hairpinMode"] = true,
                    ["mtu"] = mtu,
                    ["firewall"] = false,
                    ["ipam"] = new JsonObject
                    {
                        ["type"] = "host-local",
                        ["dataDir"] = paths.Leases,
                        ["ranges"] = new JsonArray([.. podRanges.GroupBy(r => r.BaseAddress.Family).Select(Choice)]),
                    },
                    ["capabilities"] = new JsonObject { ["portMappings"] = true, ["bandwidth"] = true, ["io.kubernetes.cri.pod-annotations"] = true },
                }),
        };
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, s_indented))
        {
            conflist.WriteTo(writer);
        }

        buffer.WriteByte((byte)'\n');
        return buffer.ToArray();
    }

    /// <summary>Ranges of which a pod gets one address.</summary>
    private static JsonNode Choice(IEnumerable<IPNetwork> ranges) => new JsonArray([.. ranges.Select(r => new JsonObject { ["subnet"] = r.ToString() })]);
}

/// <summary>What the plugin is told of this node's files.</summary>
/// <param name="Leases">Where host-local keeps which address is whose.</param>
/// <param name="Socket">Where the agent listens.</param>
/// <param name="PolicyNamespaces">Which namespaces have network policies; without an agent their pods are not plugged in.</param>
public sealed record CniPaths(string Leases, string Socket, string PolicyNamespaces);
