using Fairlead.Core.State;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Agent.Overlay;

/// <summary>Brings routes and what they stand on about, and says what the kernel refused.</summary>
internal static class RouteApplying
{
    private static readonly EqualityComparer<Route> s_sameWay = EqualityComparer<Route>.Create(
        (a, b) => Equals(a?.Gateway, b?.Gateway) && a?.OnLink == b?.OnLink && a?.Link == b?.Link, r => HashCode.Combine(r.Gateway, r.Link));

    /// <summary>Does all of them, going on past a failure, and reports the failures together.</summary>
    public static int ApplyThrowing(this RouteSocket routes, List<RouteOperation> operations)
    {
        if (operations.Count == 0)
        {
            return 0;
        }

        var results = routes.Apply([.. operations]);
        var failures = results
            .Where((error, i) => error is not null && !(error.IsNotFound && operations[i] is DeleteRoute or DeleteFdb or DeleteNeighbour or DeleteAddress))
            .ToList();
        return failures.Count == 0
            ? operations.Count
            : throw new AggregateException($"{failures.Count} of {operations.Count} changes to the overlay failed", failures!);
    }

    /// <summary>Makes our routes to pods elsewhere these, and no others.</summary>
    /// <param name="links">Interfaces on which every route with our protocol number is one of them. On others it is one that goes straight to a neighbour.</param>
    /// <returns>How many were changed.</returns>
    public static int KeepRoutes(this RouteSocket routes, IEnumerable<Route> wanted, IReadOnlySet<int> links)
    {
        var actual = routes.Routes(RouteProtocol.Fairlead, Route.MainTable).Where(r => r.Link is { } link && (links.Contains(link) || r is { OnLink: true, Gateway: not null }));
        var delta = Delta.Between(wanted, actual, r => r.Destination, s_sameWay);
        return routes.ApplyThrowing(
        [
            .. delta.Add.Concat(delta.Change.Select(c => c.New)).Select(r => new ReplaceRoute(r)),
            .. delta.Remove.Select(r => new DeleteRoute(r)),
        ]);
    }
}
