using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>The container's end of what a plugin makes: addresses, routes, and whether it is still as an ADD reported it.</summary>
internal static class PodInterface
{
    private const int SettlePatience = 10_000; // milliseconds; the reference waits as long for addresses to be usable

    /// <summary>An interface that is there belongs to somebody else.</summary>
    public static void RefuseExisting(RouteSocket inside, CniEnvironment environment)
    {
        if (inside.FindLink(environment.InterfaceName) is not null)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment, $"CNI_IFNAME: '{environment.InterfaceName}' is there already in {environment.Namespace}");
        }
    }

    /// <summary>Sets the interface up and gives it addresses and routes.</summary>
    /// <param name="detectDuplicates">IPv6: asks the link first whether somebody else has the address, and waits for the answer.</param>
    public static void Configure(
        RouteSocket inside, NetworkNamespace pod, Link link, IReadOnlyList<CniAddress> addresses, IEnumerable<CniRoute> routes, bool detectDuplicates = false)
    {
        var hasIPv6 = addresses.Any(a => !AddressText.IsIPv4(a.Address));
        if (hasIPv6)
        {
            // Nobody else can have the address: it was given to this container alone. So no second is spent on asking.
            Sysctl.WriteAll(
                [
                    ($"net/ipv6/conf/{link.Name}/disable_ipv6", "0"),
                    ($"net/ipv6/conf/{link.Name}/accept_dad", detectDuplicates ? "1" : "0"),
                    .. detectDuplicates ? (ReadOnlySpan<(string, string)>)[($"net/ipv6/conf/{link.Name}/enhanced_dad", "1")] : [],
                ],
                pod);
        }

        var operations = new List<RouteOperation> { new SetLink(link.Index, new LinkChange { Up = true }) };
        operations.AddRange(addresses.Select(address => new ReplaceAddress(
            new LinkAddress(link.Index, new InterfaceAddress(address.Address, address.PrefixLength))
            {
                Flags = AddressText.IsIPv4(address.Address) || detectDuplicates ? AddressFlags.None : AddressFlags.NoDuplicateDetection,
            })));
        Apply(inside, operations);
        if (hasIPv6 && detectDuplicates)
        {
            Settle(inside, link);
        }

        // Of two equal routes the first wins, as with the reference plugin.
        Apply(inside, routes.Select(route => new AddRoute(KernelRoute(route, addresses, link.Index))));
    }

    /// <summary>A route as the kernel takes it; without a gateway of its own it goes by that of the address of its family.</summary>
    public static Route KernelRoute(CniRoute route, IReadOnlyList<CniAddress> addresses, int link)
    {
        var isIPv4 = AddressText.IsIPv4(route.Destination.BaseAddress);
        var isOfLink = route.Scope is (int)RouteScope.Link or (int)RouteScope.Host;
        return new Route(route.Destination)
        {
            Gateway = route.Gateway ?? (isOfLink ? null : addresses.FirstOrDefault(a => AddressText.IsIPv4(a.Address) == isIPv4)?.Gateway),
            Link = link,
            Mtu = route.Mtu,
            Metrics = route.AdvertisedMss is { } size ? new RouteMetrics { AdvMss = size } : null,
            Metric = (uint)(route.Priority ?? 0),
            Table = route.Table is { } table ? (uint)table : Route.MainTable,
            Scope = route.Scope is { } scope ? (RouteScope)scope : null,
        };
    }

    /// <summary>Applies operations, and fails with the first refusal but that something is there already.</summary>
    public static void Apply(RouteSocket socket, IEnumerable<RouteOperation> operations)
    {
        if (socket.Apply([.. operations]).FirstOrDefault(e => e is { IsExists: false }) is { } error)
        {
            throw new CniException(CniErrorCode.Internal, error.Message, inner: error);
        }
    }

    /// <summary>CHECK: the interface, its hardware address, its addresses and routes are those of the result.</summary>
    public static void Verify(PluginCall call, CniResult previous, bool mustBeUp = true)
    {
        using var pod = PodNamespace.Open(call.Environment);
        using var inside = RouteSocket.Open(pod);
        var name = call.Environment.InterfaceName;
        var link = inside.FindLink(name) ?? throw Changed($"'{name}' is gone from {call.Environment.Namespace}");
        var index = previous.Interfaces.Select((item, i) => (item, i)).FirstOrDefault(pair => pair.item.Name == name && pair.item.Sandbox.Length > 0);
        if (index.item is { Mac.Length: > 0 } expected && !string.Equals(expected.Mac, link.Mac?.ToString(), StringComparison.OrdinalIgnoreCase))
        {
            throw Changed($"'{name}' has the hardware address {link.Mac}, not {expected.Mac}");
        }

        if (!link.Up && mustBeUp)
        {
            throw Changed($"'{name}' is down");
        }

        // In a chain the result speaks of other interfaces too.
        var own = previous.Addresses.Where(a => a.Interface is null || index.item is null || a.Interface == index.i).ToList();
        var present = inside.Addresses(link.Index).Select(a => a.Address).ToHashSet();
        foreach (var address in own.Where(a => !present.Contains(new InterfaceAddress(a.Address, a.PrefixLength))))
        {
            throw Changed($"'{name}' has lost the address {address}");
        }

        var routes = inside.Routes();
        foreach (var route in previous.Routes.Where(r => !routes.Any(k => k.Destination.Equals(r.Destination))))
        {
            throw Changed($"the route to {route.Destination} is gone from {call.Environment.Namespace}");
        }
    }

    public static CniException Changed(string what) => new(CniErrorCode.AttachmentChanged, what);

    /// <summary>The interface as a result tells of it.</summary>
    public static CniInterface Describe(Link link, CniEnvironment environment)
        => new(link.Name, link.Mac?.ToString() ?? "", environment.Namespace, link.Mtu);

    private static void Settle(RouteSocket inside, Link link)
    {
        var deadline = Environment.TickCount64 + SettlePatience;
        while (true)
        {
            var addresses = inside.Addresses(link.Index);
            if (addresses.FirstOrDefault(a => a.Flags.HasFlag(AddressFlags.DuplicateDetectionFailed)) is { } twice)
            {
                throw new CniException(CniErrorCode.Internal, $"the address {twice.Address} is in use by somebody else on the link");
            }

            if (!addresses.Any(a => a.Flags.HasFlag(AddressFlags.Tentative) && !a.Address.Address.IsIPv6LinkLocal))
            {
                return;
            }

            if (Environment.TickCount64 > deadline)
            {
                throw new CniException(CniErrorCode.TryAgainLater, $"'{link.Name}': duplicate address detection has not ended after {SettlePatience / 1000} s");
            }

            // The thread has nothing else to do; there is no event but by another socket.
            new ManualResetEventSlim().Wait(20);
        }
    }
}
