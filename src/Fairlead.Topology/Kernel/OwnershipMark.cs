using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Topology.Kernel;

/// <summary>What tells a topology's things from everybody else's.</summary>
/// <remarks>
/// The kernel takes no text with the creation of a link, but it takes a group: a number made of the topology's name. So there is no
/// moment at which a link of ours is not known as ours. The alias that follows says the same to people, and which cable the link is an
/// end of. A namespace is told by the alias of its loopback interface, which it has before its name appears.
/// </remarks>
internal sealed class OwnershipMark(string topology)
{
    private readonly string _prefix = $"fairlead net {topology}:";

    public string Topology { get; } = topology;

    /// <summary>The group of each link. Below 2³¹, since tools print it with a sign, and in a range that nobody numbers by hand.</summary>
    public uint Group { get; } = (BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"fairlead net {topology}"))) & 0x3fffffff) | 0x40000000;

    /// <summary>The nftables table, in each host that has rules.</summary>
    public string Table { get; } = $"fairlead-net-{topology}";

    public string NamespaceLabel(string host) => $"{_prefix} host {host}";

    public string SwitchLabel(string host, string name) => $"{_prefix} switch {host}:{name}";

    public string CableLabel(string hostA, string nameA, string hostB, string nameB) => $"{_prefix} {hostA}:{nameA} to {hostB}:{nameB}";

    public string TableLabel(string host) => $"{_prefix} host {host}";

    /// <summary>Whether a label is one of this topology's.</summary>
    public bool IsLabel(string? text) => text is not null && text.StartsWith(_prefix, StringComparison.Ordinal);

    /// <summary>A link of ours has our group, and no label but ours: none yet where its making was interrupted.</summary>
    public bool Owns(Link link) => link.Group == Group && (string.IsNullOrEmpty(link.Alias) || IsLabel(link.Alias));

    /// <summary>The topology that a label names, whichever it is.</summary>
    public static string? TopologyOf(string? label)
        => label is not null && label.StartsWith("fairlead net ", StringComparison.Ordinal) && label.IndexOf(':', StringComparison.Ordinal) is > 0 and var end
            ? label["fairlead net ".Length..end]
            : null;
}
