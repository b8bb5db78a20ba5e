using System.Collections.Immutable;

namespace Fairlead.Cni.Protocol;

/// <summary>Reads the three forms that results have had: until 0.2.0, from 0.3.0 and from 1.0.0.</summary>
internal static class ResultReader
{
    /// <param name="node">The result.</param>
    /// <param name="otherwise">The version of one that names none: that of the configuration it is in, as the specification's examples have it.</param>
    public static CniResult Read(ConfigNode node, CniVersion? otherwise = null)
    {
        var version = node["cniVersion"].Text() is { Length: 0 } && otherwise is { } outer ? outer : CniVersion.Parse(node["cniVersion"].Text());
        return version < CniVersion.V030 ? ReadFirstForm(node) : ReadLists(node);
    }

    public static CniDns Dns(ConfigNode node) => node.Exists
        ? new CniDns([.. node["nameservers"].Texts()], node["domain"].Text(), [.. node["search"].Texts()], [.. node["options"].Texts()])
        : CniDns.None;

    public static CniRoute Route(ConfigNode node)
        => new(node["dst"].Network() ?? throw node["dst"].Fault("is missing"), node["gw"].Address())
        {
            Mtu = node["mtu"].Number(0, int.MaxValue),
            AdvertisedMss = node["advmss"].Number(0, int.MaxValue),
            Priority = node["priority"].Number(0, int.MaxValue),
            Table = node["table"].Number(0, int.MaxValue),
            Scope = node["scope"].Number(0, 255),
        };

    private static CniResult ReadFirstForm(ConfigNode node)
    {
        var addresses = ImmutableArray.CreateBuilder<CniAddress>();
        var routes = ImmutableArray.CreateBuilder<CniRoute>();
        foreach (var family in (ReadOnlySpan<ConfigNode>)[node["ip4"], node["ip6"]])
        {
            if (!family.Exists)
            {
                continue;
            }

            var (address, length) = family["ip"].AddressAndPrefix() ?? throw family["ip"].Fault("is missing");
            addresses.Add(new CniAddress(address, length, family["gateway"].Address()));
            routes.AddRange(family["routes"].Items().Select(Route));
        }

        return new CniResult { Addresses = addresses.ToImmutable(), Routes = routes.ToImmutable(), Dns = Dns(node["dns"]) };
    }

    private static CniResult ReadLists(ConfigNode node) => new()
    {
        Interfaces =
        [
            .. node["interfaces"].Items().Select(item => new CniInterface(
                item["name"].Text(), item["mac"].Text(), item["sandbox"].Text(), item["mtu"].Number(0, int.MaxValue),
                item["socketPath"].Text(), item["pciID"].Text())),
        ],
        Addresses =
        [
            .. node["ips"].Items().Select(item =>
            {
                var (address, length) = item["address"].AddressAndPrefix() ?? throw item["address"].Fault("is missing");
                return new CniAddress(address, length, item["gateway"].Address(), item["interface"].Number(-1, int.MaxValue));
            }),
        ],
        Routes = [.. node["routes"].Items().Select(Route)],
        Dns = Dns(node["dns"]),
    };
}
