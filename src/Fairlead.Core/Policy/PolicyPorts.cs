using Fairlead.Core.Services;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Policy;

/// <summary>Reads the ports of a policy's rule.</summary>
internal static class PolicyPorts
{
    public static Protocol? ProtocolOf(string? text) => text switch
    {
        null or "" or "TCP" => Protocol.Tcp,
        "UDP" => Protocol.Udp,
        "SCTP" => Protocol.Sctp,
        _ => null,
    };

    /// <summary>Ranges by number, merged where they touch, and names.</summary>
    public static (IReadOnlyList<PortRange> Ranges, IReadOnlyList<(string Name, Protocol Protocol)> Names) Read(IEnumerable<NetworkPolicyPort> ports, Action<string> complain)
    {
        var ranges = new List<PortRange>();
        var names = new SortedSet<(string Name, Protocol Protocol)>();
        foreach (var port in ports)
        {
            if (ProtocolOf(port.Protocol) is not { } protocol)
            {
                complain($"protocol {port.Protocol} is none of TCP, UDP, SCTP: the port is left out");
            }
            else if (port.Port is not { } which)
            {
                ranges.Add(new(protocol, 0, ushort.MaxValue));
            }
            else if (!which.IsNumber)
            {
                names.Add((which.Text!, protocol));
            }
            else if (which.Number is < 1 or > ushort.MaxValue || port.EndPort is { } end && (end < which.Number || end > ushort.MaxValue))
            {
                complain($"port {which}{(port.EndPort is { } last ? $" to {last}" : "")} is not within 1 to 65535, first to last: it is left out");
            }
            else
            {
                ranges.Add(new(protocol, (ushort)which.Number, (ushort)(port.EndPort ?? which.Number)));
            }
        }

        return (Merge(ranges), [.. names]);
    }

    /// <summary>In order and without overlap: a set of ranges takes no two that have a port in common.</summary>
    private static List<PortRange> Merge(IEnumerable<PortRange> ranges)
    {
        var merged = new List<PortRange>();
        foreach (var range in ranges.OrderBy(r => r.Protocol).ThenBy(r => r.First))
        {
            if (merged.Count > 0 && merged[^1] is var last && last.Protocol == range.Protocol && range.First <= last.Last + 1)
            {
                merged[^1] = last with { Last = Math.Max(last.Last, range.Last) };
            }
            else
            {
                merged.Add(range);
            }
        }

        return merged;
    }
}
