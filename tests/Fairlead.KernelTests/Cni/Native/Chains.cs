using System.Text.Json.Nodes;

namespace Fairlead.KernelTests.Cni.Native;

/// <summary>Configurations of chains, as a network's file has them.</summary>
internal static class Chains
{
    public static JsonObject HostLocal(string data, string subnet) => new() { ["type"] = "host-local", ["subnet"] = subnet, ["dataDir"] = data };

    public static JsonObject Bridge(string data, string subnet, string type = "bridge") => new()
    {
        ["type"] = type, ["bridge"] = "cni0", ["isDefaultGateway"] = true, ["ipMasq"] = true, ["ipam"] = HostLocal(data, subnet),
    };

    public static JsonObject Ptp(string data, string subnet) => new() { ["type"] = "ptp", ["ipMasq"] = true, ["ipam"] = HostLocal(data, subnet) };

    public static JsonObject Macvlan(string data, string subnet) => new() { ["type"] = "macvlan", ["master"] = "uplink", ["ipam"] = HostLocal(data, subnet) };

    /// <summary>bridge, portmap, bandwidth and firewall; the container's port 80 is published.</summary>
    public static JsonObject[] Full(string data, string subnet, int port) => [Bridge(data, subnet), Portmap(port), Bandwidth(), Firewall()];

    /// <summary>The same in one entry.</summary>
    public static JsonObject[] Combined(string data, string subnet, int port)
    {
        var config = Bridge(data, subnet, "fairlead");
        config["runtimeConfig"] = Ports(port);
        AddRates(config);
        return [config];
    }

    public static JsonObject Portmap(int port) => new() { ["type"] = "portmap", ["runtimeConfig"] = Ports(port) };

    public static JsonObject Firewall() => new() { ["type"] = "firewall" };

    public static JsonObject Bandwidth()
    {
        var config = new JsonObject { ["type"] = "bandwidth" };
        AddRates(config);
        return config;
    }

    private static JsonObject Ports(int port) => new()
    {
        ["portMappings"] = new JsonArray(new JsonObject { ["hostPort"] = port, ["containerPort"] = 80, ["protocol"] = "tcp" }),
    };

    private static void AddRates(JsonObject config)
    {
        foreach (var key in (ReadOnlySpan<string>)["ingressRate", "ingressBurst", "egressRate", "egressBurst"])
        {
            config[key] = 8_000_000;
        }
    }
}
