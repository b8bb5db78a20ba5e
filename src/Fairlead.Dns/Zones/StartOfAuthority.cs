using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Zones;

/// <summary>The SOA record of a zone the server makes itself, with CoreDNS's numbers.</summary>
internal static class StartOfAuthority
{
    public static Record Of(DnsName zone, uint ttl, uint serial)
        => Record.ForSoa(
            zone,
            Math.Min(ttl, 300),
            server: zone.TryPrepend("ns.dns", out var server) ? server : zone,
            mailbox: zone.TryPrepend("hostmaster", out var mailbox) ? mailbox : zone,
            serial,
            refresh: 7200,
            retry: 1800,
            expire: 86400,
            minimum: ttl);
}
