using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Ipam;

/// <summary>Addresses out of ranges that belong to this host alone.</summary>
internal sealed class HostLocalPlugin : IPlugin
{
    public CniResult Add(PluginCall call)
    {
        call.Environment.Arguments.RefuseUnknown("IP");
        var config = HostLocalConfig.Read(call);
        var dns = config.ResolvConf.Length == 0 ? CniDns.None : ResolvConf.Read(config.ResolvConf);
        using var store = AddressStore.Open(config.Folder);
        if (store.OwnedBy(call.Attachment) is [var first, ..])
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment,
                $"{call.Attachment.ContainerId}/{call.Attachment.InterfaceName} has {first} already: DEL comes before another ADD");
        }

        using var rollback = new Rollback(call.Host);
        rollback.Push("address reservation", () => store.Release(call.Attachment));
        var addresses = ImmutableArray.CreateBuilder<CniAddress>();
        var requested = config.Requested.ToList();
        for (var i = 0; i < config.RangeSets.Length; i++)
        {
            addresses.Add(Allocate(store, config, i, requested, call.Attachment));
        }

        if (requested.Count > 0)
        {
            throw new CniException(CniErrorCode.InvalidNetworkConfig, $"requested addresses are in no range: {string.Join(", ", requested)}; there is {string.Join(" and ", config.RangeSets)}");
        }

        rollback.Disarm();
        return new CniResult { Addresses = addresses.ToImmutable(), Routes = config.Routes, Dns = dns };
    }

    public void Delete(PluginCall call)
    {
        using var store = AddressStore.Find(HostLocalConfig.Read(call).Folder);
        store?.Release(call.Attachment);
    }

    public void Check(PluginCall call)
    {
        call.Environment.Arguments.RefuseUnknown("IP");
        var folder = HostLocalConfig.Read(call).Folder;
        using var store = AddressStore.Find(folder);
        if (store is null || store.OwnedBy(call.Attachment).Count == 0)
        {
            throw new CniException(
                CniErrorCode.AttachmentChanged,
                $"{call.Attachment.ContainerId}/{call.Attachment.InterfaceName} has no address in {folder}");
        }
    }

    public void Status(PluginCall call)
    {
        var config = HostLocalConfig.Read(call);
        using var store = AddressStore.Open(config.Folder);
        var used = store.Entries().Where(entry => entry.Text.Length > 0).Select(entry => entry.Address).ToHashSet();
        foreach (var set in config.RangeSets)
        {
            if (set.Candidates(null).All(candidate => used.Contains(candidate.Address) || config.IsExcluded(candidate.Address)))
            {
                throw new CniException(CniErrorCode.NotAvailable, $"no free address in {set}");
            }
        }
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
    {
        using var store = AddressStore.Find(HostLocalConfig.Read(call).Folder);
        store?.ReleaseAllBut(valid);
    }

    private static CniAddress Allocate(AddressStore store, HostLocalConfig config, int index, List<IPAddress> requested, CniAttachmentKey owner)
    {
        var set = config.RangeSets[index];
        var wanted = requested.FirstOrDefault(address => set.Find(address) is not null);
        if (wanted is not null)
        {
            requested.Remove(wanted);
            var range = set.Find(wanted)!;
            if (range.Gateway.Equals(wanted))
            {
                throw new CniException(CniErrorCode.InvalidNetworkConfig, $"requested address {wanted} is the gateway of {range.Subnet}");
            }

            if (config.IsExcluded(wanted))
            {
                throw new CniException(CniErrorCode.InvalidNetworkConfig, $"requested address {wanted} is excluded (ipam.exclude)");
            }

            if (!store.TryReserve(wanted, owner))
            {
                throw new CniException(CniErrorCode.AddressPoolExhausted, $"requested address {wanted} is in use{(store.OwnerOf(wanted) is { } other ? $" by container {other.ContainerId}" : "")}");
            }

            store.SetLast(index, wanted);
            return new CniAddress(wanted, range.Subnet.PrefixLength, range.Gateway);
        }

        foreach (var (address, range) in set.Candidates(store.Last(index)))
        {
            if (!config.IsExcluded(address) && store.TryReserve(address, owner))
            {
                store.SetLast(index, address);
                return new CniAddress(address, range.Subnet.PrefixLength, range.Gateway);
            }
        }

        throw CniException.PoolExhausted(set.ToString());
    }
}
