using System.Globalization;
using System.Net;
using Fairlead.Cni.DBus;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>firewalld, told by D-Bus which addresses belong to a zone: what comes from them, and goes to them, is as the zone says.</summary>
internal sealed class Firewalld : IDisposable
{
    private const string Name = "org.fedoraproject.FirewallD1";
    private const string ObjectPath = "/org/fedoraproject/FirewallD1";
    private const string Zones = "org.fedoraproject.FirewallD1.zone";
    private const string IsThere = "ZONE_ALREADY_SET";

    private readonly DBusConnection _bus;

    private Firewalld(DBusConnection bus) => _bus = bus;

    /// <summary>Null where it does not run, or only for another network namespace: a bus is reached from all of them.</summary>
    /// <exception cref="IOException">There is a bus, and it does not let us in.</exception>
    public static Firewalld? Find(CniHost host)
    {
        var bus = DBusConnection.OpenSystem(host.GetVariable("DBUS_SYSTEM_BUS_ADDRESS"));
        if (bus is not null && bus.HasOwner(Name) && IsOfThisNamespace(bus))
        {
            return new Firewalld(bus);
        }

        bus?.Dispose();
        return null;
    }

    public void Add(string zone, IEnumerable<IPAddress> addresses)
    {
        foreach (var address in addresses)
        {
            try
            {
                Call("addSource", zone, address);
            }
            catch (DBusException e) when (e.Message.Contains(IsThere, StringComparison.Ordinal))
            {
                // It is where it should be.
            }
            catch (DBusException e)
            {
                throw new CniException(CniErrorCode.InvalidNetworkConfig, $"firewalldZone: firewalld does not take {address} into '{zone}': {e.Message}", inner: e);
            }
        }
    }

    /// <summary>What is not there is gone.</summary>
    public void Remove(string zone, IEnumerable<IPAddress> addresses)
    {
        foreach (var address in addresses)
        {
            try
            {
                Call("removeSource", zone, address);
            }
            catch (DBusException)
            {
                // Not there, or in another's zone, which is another's matter.
            }
        }
    }

    /// <summary>The first address that is not in the zone.</summary>
    public IPAddress? Missing(string zone, IEnumerable<IPAddress> addresses) => addresses.FirstOrDefault(a => Call("querySource", zone, a) is not [true, ..]);

    public void Dispose() => _bus.Dispose();

    private static bool IsOfThisNamespace(DBusConnection bus)
    {
        // One that cannot be seen from here, as out of a container, is taken for the host's.
        var id = bus.CallBus("GetConnectionUnixProcessID", Name).OfType<uint>().FirstOrDefault();
        return new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/ns/net")) is not { LinkTarget: { } theirs } || theirs == new FileInfo("/proc/thread-self/ns/net").LinkTarget;
    }

    private IReadOnlyList<object> Call(string member, string zone, IPAddress address)
        => _bus.Call(Name, ObjectPath, Zones, member, zone, $"{address}/{AddressText.Bits(address)}");
}
