using System.Net;
using Fairlead.Cni.Ipam;
using Fairlead.Cni.Protocol;
using FsCheck;
using FsCheck.Fluent;

namespace Fairlead.Tests.Cni;

/// <summary>Ends the plugin before any of its changes of the disk, at random, and looks whether an address got lost or given twice.</summary>
public sealed class AddressStoreCrashTests
{
    [Fact]
    public void Whenever_the_plugin_is_killed_no_address_is_lost_or_given_twice()
        => Prop.ForAll(
                Gen.Choose(0, 9).Zip(Gen.Choose(0, 2)).ListOf().ToArbitrary(),
                steps => Survives([.. steps.Select(step => (Container: step.Item1, KilledAt: step.Item2))]))
            .QuickCheckThrowOnFailure();

    private static bool Survives((int Container, int KilledAt)[] steps)
    {
        using var data = new TemporaryFolder();
        var holders = new Dictionary<int, IPAddress>();
        foreach (var (container, killedAt) in steps)
        {
            var owner = new CniAttachmentKey($"c{container}", "eth0");
            var left = killedAt;

            // What a kill leaves is what was done before it: an exception from the step ends the call there.
            void Step(string what)
            {
                if (killedAt > 0 && --left == 0)
                {
                    throw new KilledException();
                }
            }

            try
            {
                using var store = AddressStore.Open(data.Path, Step);
                if (holders.ContainsKey(container))
                {
                    store.Release(owner);
                    holders.Remove(container);
                }
                else
                {
                    holders[container] = Reserve(store, owner);
                }
            }
            catch (KilledException)
            {
                // The runtime of a plugin that died calls DEL.
                using var store = AddressStore.Open(data.Path);
                store.Release(owner);
                holders.Remove(container);
            }
        }

        using var end = AddressStore.Open(data.Path);
        var inUse = end.Entries().ToDictionary(e => e.Text, e => e.Address, StringComparer.Ordinal);
        return inUse.Count == holders.Count
            && holders.All(h => inUse[$"c{h.Key}\r\neth0"].Equals(h.Value))
            && holders.Values.Distinct().Count() == holders.Count;
    }

    /// <summary>Twelve addresses for up to ten containers: so it goes round often.</summary>
    private static IPAddress Reserve(AddressStore store, CniAttachmentKey owner)
    {
        var set = new RangeSet([new AddressRange(
            IPNetwork.Parse("10.0.0.0/27"), IPAddress.Parse("10.0.0.2"), IPAddress.Parse("10.0.0.13"), IPAddress.Parse("10.0.0.1"))]);
        var address = set.Candidates(store.Last(0)).Select(c => c.Address).First(a => store.TryReserve(a, owner));
        store.SetLast(0, address);
        return address;
    }

    private sealed class KilledException : Exception;
}
