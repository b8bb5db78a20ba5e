using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux;

namespace Fairlead.Topology.Nat;

/// <summary>A change of addresses that a host makes. Its text is the comment of each rule that it becomes, and is read back from there.</summary>
internal abstract record NatRule
{
    /// <summary>Reads a rule back from the comment of its rules.</summary>
    public static NatRule? Parse(string? comment)
    {
        switch (comment?.Split(' '))
        {
            case ["masquerade", "from", var from]:
                return IPNetwork.TryParse(from, out var network) ? new MasqueradeRule(network, null) : null;
            case ["masquerade", "from", var from, "out", var name]:
                return IPNetwork.TryParse(from, out var source) ? new MasqueradeRule(source, name) : null;
            case ["portForward", "tcp" or "udp", var port, "to", var to, .. var rest]:
                var protocol = comment.StartsWith("portForward tcp", StringComparison.Ordinal) ? TopologyProtocol.Tcp : TopologyProtocol.Udp;
                var colon = port.LastIndexOf(':');
                IPAddress? address = null;
                return (colon < 0 || IPAddress.TryParse(port[..colon], out address))
                    && ushort.TryParse(port[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
                    && IPEndPoint.TryParse(to, out var target)
                    ? new PortForwardRule(protocol, address, number, target.Address, (ushort)target.Port, PrefixOf(rest, target.Address))
                    : null;
            default:
                return null;
        }
    }

    /// <summary>The last word, as <c>/24)</c>.</summary>
    private static int PrefixOf(string[] words, IPAddress address)
        => words is ["(net", var last] && int.TryParse(last.Trim('/', ')'), NumberStyles.None, CultureInfo.InvariantCulture, out var prefix)
            ? prefix
            : InterfaceAddress.Host(address).PrefixLength;
}

/// <summary>See <see cref="TopologyMasquerade"/>.</summary>
internal sealed record MasqueradeRule(IPNetwork From, string? Out) : NatRule
{
    public override string ToString() => $"masquerade from {From}{(Out is null ? "" : $" out {Out}")}";
}

/// <summary>See <see cref="TopologyPortForward"/>.</summary>
/// <param name="Prefix">Length of the prefix of the network that the target shares with this host; all bits where it shares none.</param>
internal sealed record PortForwardRule(TopologyProtocol Protocol, IPAddress? Address, ushort Port, IPAddress To, ushort ToPort, int Prefix) : NatRule
{
    /// <summary>Who would be answered by the target directly, past this host.</summary>
    public IPNetwork Neighbours => new InterfaceAddress(To, Prefix).Network;

    public string ProtocolName => Protocol == TopologyProtocol.Tcp ? "tcp" : "udp";

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"portForward {ProtocolName} {(Address is null ? "" : $"{Bracketed(Address)}:")}{Port} to {Bracketed(To)}:{ToPort}")
            + (Prefix == InterfaceAddress.Host(To).PrefixLength ? "" : string.Create(CultureInfo.InvariantCulture, $" (net /{Prefix})"));

    private static string Bracketed(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
}
