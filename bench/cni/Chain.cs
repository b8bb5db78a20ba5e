using System.Text.Json.Nodes;

namespace Fairlead.Bench.Cni;

/// <summary>What is measured: plugins one after the other, as a network's file names them.</summary>
internal sealed record Chain(string Name, Func<Node, int, JsonObject[]> Plugins)
{
    private const int Rate = 100_000_000;

    internal static readonly Chain Bridge = new("bridge", (node, _) => [BridgeOf(node, "bridge", masquerade: false)]);

    internal static readonly Chain MasqueradingBridge = new("bridge, ipMasq", (node, _) => [BridgeOf(node, "bridge", masquerade: true)]);

    internal static readonly Chain Four = new(
        "bridge, portmap, bandwidth, firewall",
        (node, number) => [BridgeOf(node, "bridge", masquerade: true), Portmap(number), Rates(new() { ["type"] = "bandwidth" }), new() { ["type"] = "firewall" }]);

    internal static readonly Chain Combined = new(
        "fairlead, which is those four",
        (node, number) =>
        {
            var config = Rates(BridgeOf(node, "fairlead", masquerade: true));
            config["runtimeConfig"] = Portmap(number)["runtimeConfig"]!.DeepClone();
            return [config];
        });

    private static JsonObject BridgeOf(Node node, string type, bool masquerade) => new()
    {
        ["type"] = type,
        ["bridge"] = "cni0",
        ["isDefaultGateway"] = true,
        ["ipMasq"] = masquerade,
        ["ipam"] = new JsonObject
        {
            ["type"] = "host-local",
            ["ranges"] = new JsonArray(new JsonArray(new JsonObject { ["subnet"] = "10.32.0.0/16" })),
            ["dataDir"] = node.DataFolder,
        },
    };

    private static JsonObject Portmap(int number) => new()
    {
        ["type"] = "portmap",
        ["runtimeConfig"] = new JsonObject
        {
            ["portMappings"] = new JsonArray(new JsonObject { ["hostPort"] = 20_000 + number, ["containerPort"] = 80, ["protocol"] = "tcp" }),
        },
    };

    private static JsonObject Rates(JsonObject config)
    {
        foreach (var key in (ReadOnlySpan<string>)["ingressRate", "ingressBurst", "egressRate", "egressBurst"])
        {
            config[key] = Rate;
        }

        return config;
    }
}
