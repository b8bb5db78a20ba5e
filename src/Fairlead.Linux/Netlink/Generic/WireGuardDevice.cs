using System.Net;

namespace Fairlead.Linux.Netlink.Generic;

/// <summary>What a WireGuard interface is set to, and whom it talks to.</summary>
/// <param name="Link">Index of the interface.</param>
public sealed record WireGuardDevice(int Link)
{
    /// <summary>Null where it has none yet.</summary>
    public WireGuardKey? PrivateKey { get; init; }

    /// <summary>What the kernel made of the private one.</summary>
    public WireGuardKey? PublicKey { get; init; }

    public int ListenPort { get; init; }

    public ValueArray<WireGuardPeer> Peers { get; init; }
}

/// <summary>Somebody whom a WireGuard interface talks to.</summary>
/// <param name="Key">The public key that it is known by.</param>
public sealed record WireGuardPeer(WireGuardKey Key)
{
    /// <summary>Where it is; the kernel follows it where it moves.</summary>
    public IPEndPoint? Endpoint { get; init; }

    /// <summary>What may come from it and is sent to it, sorted as they are written.</summary>
    public ValueArray<IPNetwork> AllowedIps { get; init; }
}

/// <summary>What to change of a WireGuard interface; what is null stays.</summary>
public sealed record WireGuardChange
{
    public WireGuardKey? PrivateKey { get; init; }

    public int? ListenPort { get; init; }

    /// <summary>To be as given, all their addresses included.</summary>
    public IReadOnlyList<WireGuardPeer> Set { get; init; } = [];

    public IReadOnlyList<WireGuardKey> Remove { get; init; } = [];
}
