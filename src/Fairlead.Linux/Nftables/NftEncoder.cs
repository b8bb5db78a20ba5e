using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Puts operations on one table into a batch of nf_tables messages.</summary>
internal sealed class NftEncoder(NetlinkBatch batch, NftFamily family, string table, NftSetIds ids)
{
    private readonly Dictionary<NftSet, uint> _inlineSets = new(ReferenceEqualityComparer.Instance);

    internal NetlinkBatch Batch { get; } = batch;

    internal NftFamily Family { get; } = family;

    /// <summary>struct nfgenmsg: family, version 0, and in network byte order a number that only batch marks use.</summary>
    internal static uint Header(NftFamily family, ushort resource = 0)
        => BitConverter.ToUInt32([(byte)family, 0, (byte)(resource >> 8), (byte)resource]);

    /// <summary>Opens a message about the table. The attribute that names the table has the number 1 in every one.</summary>
    internal NetlinkWriter Begin(ushort type, NetlinkFlags flags = NetlinkFlags.None)
    {
        var writer = Batch.Begin(NftConstants.Message(type), flags);
        writer.Header(Header(Family));
        writer.Attribute(NftConstants.TableName, table);
        return writer;
    }

    /// <summary>A number for a set that is new in this batch, by which rules of the batch find it.</summary>
    internal uint NewSetId() => ++ids.Last;

    /// <summary>Makes the set that stands in place in a rule; before the rule is written.</summary>
    internal void DeclareInline(NftSet set)
    {
        if (!set.IsInline || _inlineSets.ContainsKey(set))
        {
            return;
        }

        var id = NewSetId();
        _inlineSets[set] = id;
        NftSetMessages.WriteSet(this, set, id);
        NftSetMessages.WriteElements(this, NftConstants.NewSetElem, NetlinkFlags.Create, set, set.Inline, id);
    }

    internal uint? IdOf(NftSet set) => set.IsInline ? _inlineSets[set] : null;
}

/// <summary>The last number given to a set of a batch.</summary>
internal sealed class NftSetIds
{
    internal uint Last { get; set; }
}
