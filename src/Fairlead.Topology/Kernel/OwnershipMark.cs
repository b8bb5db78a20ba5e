using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Topology.Kernel;

/// <summary>What tells a topology's things from everybody else's.</summary>
/// <remarks>
/// The kernel takes no text with the creation of a link, but it takes a group: a number made of the topology's name. So there is no
/// moment at which a link of ours is not known as ours. The alias that follows says the same to people, and which cable the link is an
/// end of. A namespace is told by the alias of its loopback interface, which it has before its name appears. Since names of namespaces
/// are the same wherever a process is, that alias says too which machine (the namespace that Fairlead runs in) it was made for.
/// </remarks>
/// <param name="topology">The topology's name.</param>
/// <param name="machine">The inode of the machine's namespace; a mark that is only compared needs none.</param>
internal sealed class OwnershipMark(string topology, ulong machine = 0)
{
    private readonly string _prefix = $"fairlead net {topology}:";
    private readonly string _machine = string.Create(CultureInfo.InvariantCulture, $" of net:[{machine}]");

    public string Topology { get; } = topology;

    /// <summary>The group of each link. Below 2³¹, since tools print it with a sign, and in a range that nobody numbers by hand.</summary>
    public uint Group { get; } = (BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"fairlead net {topology}"))) & 0x3fffffff) | 0x40000000;

    /// <summary>The nftables table, in each host that has rules.</summary>
    public string Table { get; } = $"fairlead-net-{topology}";

    public string NamespaceLabel(string host) => $"{_prefix} host {host}";

    /// <summary>The alias of the loopback interface of a host's namespace.</summary>
    public string NamespaceAlias(string host) => NamespaceLabel(host) + _machine;

    public bool OwnsNamespace(string? alias) => IsLabel(alias) && alias!.EndsWith(_machine, StringComparison.Ordinal);

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
