using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>Has packets from an address of the container's interface leave by it: the routes of each address go into a table of its own.</summary>
internal sealed class SbrPlugin : IPlugin
{
    private const int FirstTable = 100; // the reference's

    public CniResult Add(PluginCall call)
    {
        var previous = ChainedCall.Previous(call);
        var config = Config.Read(call.Config.Root);
        using var pod = PodNamespace.Open(call.Environment);
        using var inside = RouteSocket.Open(pod);
        var link = inside.FindLink(call.Environment.InterfaceName)
            ?? throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_IFNAME: there is no '{call.Environment.InterfaceName}' in {call.Environment.Namespace}");
        var addresses = OwnAddresses(previous, call.Environment.InterfaceName);
        if (addresses.Count == 0)
        {
            throw call.Config.Root["prevResult"].Fault($"holds no address of '{link.Name}'");
        }

        using var rollback = new Rollback(call.Host);
        rollback.Push("rules", () => RemoveRules(inside, addresses.Select(a => a.Address)));
        var table = config.Table ?? FreeTable(inside);
        var before = inside.Routes(table: Route.MainTable).Where(r => r.Link == link.Index && !IsLinkLocal(r)).ToList();
        foreach (var address in addresses)
        {
            Move(inside, link, address, table++, before, config);
        }

        // Only now: the gateway of a second address of the same network must be reachable until its table has its own way to it.
        foreach (var route in before)
        {
            rollback.Push($"route {route}", () => inside.ReplaceRoute(route));
            inside.TryDeleteRoute(route);
        }

        rollback.Disarm();
        return previous;
    }

    public void Delete(PluginCall call)
    {
        using var pod = PodNamespace.Find(call.Environment);
        if (pod is null)
        {
            return;
        }

        using var inside = RouteSocket.Open(pod);
        var addresses = inside.FindLink(call.Environment.InterfaceName) is { } link
            ? inside.Addresses(link.Index).Select(a => a.Address.Address)
            : OwnAddresses(call.Config.Previous ?? new CniResult(), call.Environment.InterfaceName).Select(a => a.Address);
        RemoveRules(inside, addresses);
    }

    public void Check(PluginCall call)
    {
        using var pod = PodNamespace.Open(call.Environment);
        using var inside = RouteSocket.Open(pod);
        var rules = inside.Rules();
        foreach (var address in OwnAddresses(call.Config.Previous!, call.Environment.InterfaceName))
        {
            var rule = rules.FirstOrDefault(r => r.Source == HostNetwork(address.Address))
                ?? throw PodInterface.Changed($"the rule for packets from {address.Address} is gone");
            if (inside.Routes(table: rule.Table).Count == 0)
            {
                throw PodInterface.Changed($"the routing table {rule.Table} for packets from {address.Address} is empty");
            }
        }
    }

    public void Status(PluginCall call) => _ = Config.Read(call.Config.Root);

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
    {
        // Rules and tables go with the namespace.
    }

    private static void Move(RouteSocket inside, Link link, CniAddress address, uint table, List<Route> routes, Config config)
    {
        var isIPv4 = AddressText.IsIPv4(address.Address);
        var own = routes.Where(r => r.IsIPv6 != isIPv4 && Concerns(r, address)).OrderBy(r => r.Gateway is not null).ToList();
        var operations = own.ConvertAll<RouteOperation>(r => new ReplaceRoute(r with
        {
            Table = table, Protocol = RouteProtocol.Fairlead, Source = r.Source ?? (config.AddSourceHints ? address.Address : null),
        }));
        operations.Insert(0, new AddRoutingRule(new RoutingRule(!isIPv4, table) { Source = HostNetwork(address.Address) }));

        // The default route may have been left out, so as not to be in the way of another interface's.
        if ((address.Gateway ?? config.Gateways.FirstOrDefault(g => AddressText.IsIPv4(g) == isIPv4 && address.Network.Contains(g))) is { } gateway
            && !own.Exists(r => r.Destination.PrefixLength == 0))
        {
            operations.Add(new ReplaceRoute(new Route(new IPNetwork(isIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0))
            {
                Gateway = gateway, Link = link.Index, Table = table, Source = config.AddSourceHints ? address.Address : null,
                OnLink = !own.Exists(r => r.Gateway is null && r.Destination.Contains(gateway)),
            }));
        }

        PodInterface.Apply(inside, operations);
    }

    /// <summary>By its source, by its gateway, or because it says neither.</summary>
    private static bool Concerns(Route route, CniAddress address)
        => (route.Source is null && route.Gateway is null)
            || (route.Source is { } source && address.Network.Contains(source))
            || (route.Gateway is { } gateway && address.Network.Contains(gateway));

    private static bool IsLinkLocal(Route route) => route.IsIPv6 && route.Destination.BaseAddress.IsIPv6LinkLocal;

    private static List<CniAddress> OwnAddresses(CniResult result, string name)
        => [.. result.Addresses.Where(a => a.Interface is not { } index || index < 0
            || (index < result.Interfaces.Length && result.Interfaces[index].Name == name && result.Interfaces[index].Sandbox.Length > 0))];

    private static uint FreeTable(RouteSocket inside)
    {
        var used = inside.Rules().Select(r => r.Table).Concat(inside.Routes().Select(r => r.Table)).ToHashSet();
        var table = (uint)FirstTable;
        while (used.Contains(table))
        {
            table++;
        }

        return table;
    }

    private static void RemoveRules(RouteSocket inside, IEnumerable<IPAddress> addresses)
    {
        var networks = addresses.Select(HostNetwork).ToHashSet();
        foreach (var rule in inside.Rules().Where(r => r.Source is { } source && networks.Contains(source)))
        {
            inside.TryDeleteRule(rule);
        }
    }

    private static IPNetwork HostNetwork(IPAddress address) => new(address, AddressText.Bits(address));

    private sealed record Config(uint? Table, ImmutableArray<IPAddress> Gateways, bool AddSourceHints)
    {
        public static Config Read(ConfigNode root) => new(
            root["table"].Number(1, int.MaxValue) is { } table ? (uint)table : null,
            [.. root["gateways"].Items().Select(g => g.Address() ?? throw g.Fault("is empty"))],
            root["addSourceHints"].Flag());
    }
}
