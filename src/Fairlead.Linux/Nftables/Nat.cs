using System.Net;
using System.Net.Sockets;

namespace Fairlead.Linux.Nftables;

/// <summary>Changes of address.</summary>
public static class Nat
{
    /// <summary>To the address, and where it has two parts the port, that an expression gives.</summary>
    public static NftStatement Destination(NftExpression target) => new NatStatement(false, Checked(target), 0);

    public static NftStatement Destination(IPAddress address, ushort? port = null) => new NatStatement(false, Constant(address, port), 0);

    public static NftStatement Source(NftExpression target) => new NatStatement(true, Checked(target), 0);

    public static NftStatement Source(IPAddress address, bool fullyRandom = false)
        => new NatStatement(true, Constant(address, null), fullyRandom ? NatFlags.FullyRandom : 0);

    /// <summary>The source becomes the address that the packet leaves by.</summary>
    /// <param name="fullyRandom">Ports are drawn and not counted up: two connections that start at once do not collide.</param>
    public static NftStatement Masquerade(bool fullyRandom = false) => new MasqueradeStatement(fullyRandom);

    private static NftExpression Checked(NftExpression target)
    {
        var types = target.Types;
        return types.Count is 1 or 2 && (types[0] == NftType.Ipv4Address || types[0] == NftType.Ipv6Address) && (types.Count == 1 || types[1] == NftType.InetService)
            ? target
            : throw new ArgumentException($"{target} gives {types}, not an address or an address and a port", nameof(target));
    }

    private static ConstantExpression Constant(IPAddress address, ushort? port)
    {
        var type = address.AddressFamily == AddressFamily.InterNetwork ? NftType.Ipv4Address : NftType.Ipv6Address;
        return port is { } number ? new([type, NftType.InetService], [address, number]) : new([type], [address]);
    }
}
