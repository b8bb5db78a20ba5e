using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Requests that are no operation on a table: the marks around a transaction, and lists.</summary>
internal static class NftRequests
{
    internal static void Mark(NetlinkBatch batch, ushort type, uint? generation)
    {
        var w = batch.Begin(type, NetlinkFlags.None);
        w.Header(NftEncoder.Header(0, NftConstants.Subsystem));
        if (generation is { } expected)
        {
            w.BigEndian(NftConstants.BatchGenId, expected);
        }

        batch.End(w);
    }

    internal static void Dump(NetlinkBatch batch, ushort type, NftFamily family, string? table = null, ushort nameType = 0, string? name = null)
    {
        var w = batch.Begin(NftConstants.Message(type), NetlinkFlags.Dump);
        w.Header(NftEncoder.Header(family));
        if (table is not null)
        {
            w.Attribute(NftConstants.TableName, table);
        }

        if (name is not null)
        {
            w.Attribute(nameType, name);
        }

        batch.End(w);
    }
}
