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
    public static IReadOnlyList<string> Plugins { get; } = ["bridge", "host-local", "portmap"];

    private static readonly JsonWriterOptions s_indented = new() { Indented = true };

    /// <summary>bridge + host-local over the node's pod ranges, an address of each family for a pod, and portmap for hostPort.</summary>
    /// <param name="leases">Where host-local keeps which address is whose.</param>
    public static byte[] Render(EquatableArray<IPNetwork> podRanges, int mtu, string leases)
    {
        var conflist = new JsonObject
        {
            ["cniVersion"] = "1.0.0",
            ["name"] = Network,
            ["plugins"] = new JsonArray(
                new JsonObject
                {
                    ["type"] = "bridge",
                    ["bridge"] = Bridge,
                    ["isDefaultGateway"] = true,
                    ["hairpinMode"] = true,
                    ["mtu"] = mtu,
                    ["ipam"] = new JsonObject
                    {
                        ["type"] = "host-local",
                        ["dataDir"] = leases,
                        ["ranges"] = new JsonArray([.. podRanges.GroupBy(r => r.BaseAddress.Family).Select(Choice)]),
                    },
                },
                new JsonObject { ["type"] = "portmap", ["capabilities"] = new JsonObject { ["portMappings"] = true } }),
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
