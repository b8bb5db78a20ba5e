using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime.Explain;

/// <summary>The plugins that come after another in a chain and change what it made.</summary>
internal static class ChainedExplainer
{
    public static void Explain(string type, ConfigNode config, List<CniStep> steps)
    {
        switch (type)
        {
            case "portmap":
                steps.Add(new("port", "each port of the host that the runtime asks for (portMappings) is led to the container's"));
                if (config["snat"].Flag(absent: true))
                {
                    steps.Add(new("masquerade", config["masqAll"].Flag() ? "whoever comes by such a port gets the host's address" : "the container itself, and the host by 127.0.0.1, get the host's address when they come by such a port"));
                }

                break;
            case "bandwidth":
                Rate(config, "ingress", "to", steps);
                Rate(config, "egress", "from", steps);
                if (steps.Count == 0)
                {
                    steps.Add(new("rate", "limits of the container's traffic where the runtime asks for them (bandwidth)"));
                }

                break;
            case "firewall":
                steps.Add(new("rule", "packets to and from the container's addresses are let through by the host's firewall"));
                if (config["ingressPolicy"].Text() is "same-bridge" or "isolated")
                {
                    steps.Add(new("rule", $"new connections from other networks' containers are dropped (ingressPolicy {config["ingressPolicy"].Text()})"));
                }

                break;
            case "tuning":
                Tuning(config, steps);
                break;
            default:
                steps.Add(new("route", "packets that leave with the container's address leave by its own interface: a rule and a table of routes for it"));
                break;
        }
    }

    private static void Rate(ConfigNode config, string direction, string preposition, List<CniStep> steps)
    {
        if (config[$"{direction}Rate"] is { Exists: true } rate && rate.LongNumber(0) is > 0 and var bits)
        {
            steps.Add(new("rate", $"traffic {preposition} the container at most {bits} bit/s"));
        }
    }

    private static void Tuning(ConfigNode config, List<CniStep> steps)
    {
        foreach (var (key, value) in config["sysctl"].Properties())
        {
            steps.Add(new("setting", $"{key} = {value.Text()} in the container's namespace"));
        }

        foreach (var key in (ReadOnlySpan<string>)["mac", "mtu", "txQLen", "promisc", "allmulti"])
        {
            if (config[key].Exists)
            {
                steps.Add(new("setting", $"{key} of the container's interface: {config[key].Element}"));
            }
        }
    }
}
