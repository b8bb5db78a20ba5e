namespace Fairlead.Linux.Netlink.Generic;

/// <summary>A part of the kernel that is spoken to by generic netlink, as <c>nlctrl</c> tells of it.</summary>
/// <param name="Id">The type of its messages; given when it was loaded, and so another one on each machine.</param>
/// <param name="Name">By which it is found: <c>nlctrl</c>, <c>ethtool</c>, <c>IPVS</c>.</param>
/// <param name="Groups">Numbers of the groups it tells events to, by name.</param>
public sealed record GenericFamily(ushort Id, string Name, uint Version, ValueArray<GenericGroup> Groups)
{
    /// <summary>Bytes that its messages have between the header and the attributes.</summary>
    internal int HeaderLength { get; init; }

    /// <summary>The number of a group.</summary>
    /// <exception cref="LinuxException">There is none of this name.</exception>
    internal uint Group(string name)
    {
        foreach (var group in Groups)
        {
            if (group.Name == name)
            {
                return group.Id;
            }
        }

        throw new LinuxException(
            $"generic netlink group {name} of {Name}", Errno.NoEntry, $"it has {(Groups.Count == 0 ? "none" : string.Join(", ", Groups.Items.Select(g => g.Name)))}");
    }
}

/// <summary>A group of events.</summary>
public readonly record struct GenericGroup(string Name, uint Id);
