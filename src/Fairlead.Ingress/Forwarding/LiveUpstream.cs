using Fairlead.Core.Routing;

namespace Fairlead.Ingress.Forwarding;

/// <summary>An upstream with what lives longer than a route table: its connections and whose turn it is.</summary>
internal sealed class LiveUpstream(UpstreamKey key)
{
    private EndpointPool[] _endpoints = [];
    private uint _turn;

    public UpstreamKey Key => key;

    /// <summary>The compiled upstream that the endpoints are of.</summary>
    public Upstream? Source { get; private set; }

    public int Count => Volatile.Read(ref _endpoints).Length;

    /// <summary>The next endpoint, round robin; null when there is none that was not tried.</summary>
    public EndpointPool? Next(List<EndpointPool>? tried)
    {
        var endpoints = Volatile.Read(ref _endpoints);
        if (endpoints.Length == 0)
        {
            return null;
        }

        var turn = Interlocked.Increment(ref _turn) - 1;
        for (var i = 0u; i < endpoints.Length; i++)
        {
            var endpoint = endpoints[(turn + i) % endpoints.Length];
            if (tried is null || !tried.Contains(endpoint))
            {
                return endpoint;
            }
        }

        return null;
    }

    public void Update(Upstream source, EndpointPool[] endpoints)
    {
        Source = source;
        Volatile.Write(ref _endpoints, endpoints);
    }
}
