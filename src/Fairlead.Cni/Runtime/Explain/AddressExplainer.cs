using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Runtime.Explain;

/// <summary>The plugins that give addresses.</summary>
internal static class AddressExplainer
{
    /// <summary>Adds the steps of the address plugin.</summary>
    /// <returns>The networks that addresses come from, as text; empty where the configuration does not say.</returns>
    public static string Addresses(ConfigNode ipam, string type, List<CniStep> steps)
    {
        if (type.Length == 0)
        {
            return "";
        }

        var subnets = type == "static"
            ? ipam["addresses"].Items().Select(a => a["address"].Text()).ToList()
            : [.. ipam["subnet"].Exists ? [Range(ipam)] : Array.Empty<string>(), .. ipam["ranges"].Items().Select(set => string.Join(" or ", set.Items().Select(Range)))];
        var joined = string.Join(" and ", subnets);
        steps.Add(new("address", type switch
        {
            "static" => $"{(joined.Length == 0 ? "those that the runtime asks for" : joined)}, to the container's end (static)",
            "host-local" => $"a free one of {(joined.Length == 0 ? "the ranges that the runtime gives" : joined)}, to the container's end (host-local)",
            _ => $"what {type} gives, to the container's end",
        }));
        foreach (var route in ipam["routes"].Items())
        {
            var gateway = route["gw"].Text();
            steps.Add(new("route", $"the container's to {route["dst"].Text()} by {(gateway.Length == 0 ? "the gateway" : gateway)}"));
        }

        return string.Join(" and ", type == "static" ? [] : Subnets(ipam));
    }

    private static IEnumerable<string> Subnets(ConfigNode ipam)
        => new[] { ipam }.Concat(ipam["ranges"].Items().SelectMany(set => set.Items())).Select(r => r["subnet"].Text()).Where(s => s.Length > 0);

    private static string Range(ConfigNode range)
    {
        var (subnet, first, last) = (range["subnet"].Text(), range["rangeStart"].Text(), range["rangeEnd"].Text());
        return (first.Length, last.Length) switch
        {
            (0, 0) => subnet,
            (_, 0) => $"{subnet} from {first} on",
            (0, _) => $"{subnet} up to {last}",
            _ => $"{subnet} from {first} to {last}",
        };
    }
}
