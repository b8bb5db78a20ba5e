using System.Collections.Concurrent;
using System.Collections.Frozen;
using Fairlead.Core.Routing;
using Fairlead.Kube.State;

namespace Fairlead.Ingress.Forwarding;

/// <summary>The newest route table, and the connections that go with it.</summary>
/// <remarks>
/// Whoever reads a new table first brings the connections in line with it: a table is in force from the first request after its
/// publication, and an endpoint that it no longer has gets no request from then on.
/// </remarks>
internal sealed class LiveRoutes(Snapshot<RouteTable> routes, TimeProvider time) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly ConcurrentDictionary<UpstreamKey, LiveUpstream> _upstreams = new();
    private Dictionary<UpstreamEndpoint, EndpointPool> _pools = [];
    private RouteTable? _applied;

    /// <summary>The newest table, in force.</summary>
    public RouteTable Current
    {
        get
        {
            var newest = routes.Current;
            return ReferenceEquals(newest, Volatile.Read(ref _applied)) ? newest : Apply();
        }
    }

    /// <summary>The upstream of a decision; null when a newer table has it no more.</summary>
    public LiveUpstream? Find(UpstreamKey key) => _upstreams.GetValueOrDefault(key);

    /// <summary>Follows the tables while no requests come, and closes connections that are idle for too long.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            var table = Current;
            await routes.ChangedAsync(table).WaitAsync(TimeSpan.FromSeconds(10), time, ct)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
            foreach (var pool in Volatile.Read(ref _pools).Values)
            {
                pool.Trim(table.Options.UpstreamIdle);
            }
        }
    }

    public void Dispose()
    {
        foreach (var pool in _pools.Values)
        {
            pool.Retire();
        }
    }

    private RouteTable Apply()
    {
        lock (_lock)
        {
            var table = routes.Current;
            var before = _applied?.Upstreams ?? FrozenDictionary<UpstreamKey, Upstream>.Empty;
            if (!ReferenceEquals(before, table.Upstreams))
            {
                Apply(table.Upstreams);
            }

            Volatile.Write(ref _applied, table);
            return table;
        }
    }

    private void Apply(FrozenDictionary<UpstreamKey, Upstream> upstreams)
    {
        var before = _pools;
        var pools = new Dictionary<UpstreamEndpoint, EndpointPool>(before.Count);
        foreach (var (key, upstream) in upstreams)
        {
            foreach (var endpoint in upstream.Endpoints)
            {
                if (!pools.ContainsKey(endpoint))
                {
                    pools.Add(endpoint, before.GetValueOrDefault(endpoint) ?? new EndpointPool(endpoint, time));
                }
            }

            var live = _upstreams.GetOrAdd(key, static k => new LiveUpstream(k));
            if (!ReferenceEquals(live.Source, upstream))
            {
                live.Update(upstream, [.. upstream.Endpoints.Select(e => pools[e])]);
            }
        }

        foreach (var gone in _upstreams.Keys.Where(k => !upstreams.ContainsKey(k)))
        {
            _upstreams.TryRemove(gone, out _);
        }

        Volatile.Write(ref _pools, pools);
        foreach (var (endpoint, pool) in before)
        {
            if (!pools.ContainsKey(endpoint))
            {
                pool.Retire();
            }
        }
    }
}
