using System.Net;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>A network interface as the kernel has it.</summary>
public sealed record Link
{
    public required int Index { get; init; }

    public required string Name { get; init; }

    /// <summary>What made it: <c>bridge</c>, <c>veth</c>, <c>vxlan</c> …; empty for hardware and for the loopback.</summary>
    public string Kind { get; init; } = "";

    public MacAddress? Mac { get; init; }

    public int Mtu { get; init; }

    /// <summary>Index of the bridge it is a port of, or null.</summary>
    public int? Master { get; init; }

    /// <summary>Whether it was set up by an administrator.</summary>
    public bool Up { get; init; }

    /// <summary>Whether it can carry packets: it is up, and so is what is below it or at the other end.</summary>
    public bool Running { get; init; }

    /// <summary>Further names; ownership marks are among them.</summary>
    public ValueArray<string> AltNames { get; init; }

    public string? Alias { get; init; }

    /// <summary>See <see cref="LinkSpec.Group"/>; 0 where nobody has set one.</summary>
    public uint Group { get; init; }

    /// <summary>Index of the other end of a veth pair, or of the interface below; in the namespace of <see cref="PeerNamespaceId"/>.</summary>
    public int? Peer { get; init; }

    /// <summary>The kernel's local number of the namespace <see cref="Peer"/> is in, or null where that is this one.</summary>
    public int? PeerNamespaceId { get; init; }

    /// <summary>What a VXLAN interface was made with.</summary>
    public VxlanDetails? Vxlan { get; init; }

    /// <summary>How the bridge treats it, where it is a port of one.</summary>
    public BridgePort? Port { get; init; }

    public bool HasName(string name) => Name == name || AltNames.Items.Contains(name, StringComparer.Ordinal);
}

/// <summary>The settings of a VXLAN interface.</summary>
public sealed record VxlanDetails(int Vni, int UdpPort, IPAddress? Local, int? Device, bool Learning);

/// <summary>How a bridge treats a port.</summary>
/// <param name="Hairpin">Frames may leave by the port they came in: a pod that reaches itself through its Service.</param>
/// <param name="Isolated">Frames never go to another isolated port.</param>
public sealed record BridgePort(bool Hairpin, bool Isolated);
