using System.Net;
using Fairlead.Core.Routing;

namespace Fairlead.Ingress.Forwarding;

/// <summary>The idle connections to one endpoint.</summary>
/// <remarks>Once retired it hands out nothing more and closes what comes back: requests that run end in peace.</remarks>
internal sealed class EndpointPool(UpstreamEndpoint endpoint, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly Stack<UpstreamConnection> _plain = new();
    private readonly Stack<UpstreamConnection> _https = new();
    private bool _retired;

    public IPEndPoint Endpoint { get; } = new(endpoint.Address, endpoint.Port);

    /// <summary>The connection that was idle for the shortest time; null when there is none.</summary>
    public UpstreamConnection? Take(bool https, TimeSpan idleLimit)
    {
        while (true)
        {
            UpstreamConnection? connection;
            lock (_lock)
            {
                if (!(https ? _https : _plain).TryPop(out connection))
                {
                    return null;
                }
            }

            if (idleLimit <= TimeSpan.Zero || time.GetElapsedTime(connection.IdleSince) < idleLimit)
            {
                return connection;
            }

            connection.Dispose();
        }
    }

    /// <summary>Takes a connection back that can serve another request.</summary>
    public void Return(UpstreamConnection connection, int most)
    {
        connection.IdleSince = time.GetTimestamp();
        connection.IsReused = true;
        lock (_lock)
        {
            var idle = connection.IsHttps ? _https : _plain;
            if (!_retired && idle.Count < most)
            {
                idle.Push(connection);
                return;
            }
        }

        connection.Dispose();
    }

    /// <summary>Closes connections that were idle for too long.</summary>
    public void Trim(TimeSpan idleLimit)
    {
        lock (_lock)
        {
            foreach (var idle in (ReadOnlySpan<Stack<UpstreamConnection>>)[_plain, _https])
            {
                if (idle.Count > 0 && time.GetElapsedTime(idle.Last().IdleSince) >= idleLimit)
                {
                    var fresh = idle.Where(c => time.GetElapsedTime(c.IdleSince) < idleLimit).Reverse().ToArray();
                    foreach (var old in idle.Except(fresh))
                    {
                        old.Dispose();
                    }

                    idle.Clear();
                    Array.ForEach(fresh, idle.Push);
                }
            }
        }
    }

    public void Retire()
    {
        lock (_lock)
        {
            _retired = true;
            foreach (var connection in _plain.Concat(_https))
            {
                connection.Dispose();
            }

            _plain.Clear();
            _https.Clear();
        }
    }
}
