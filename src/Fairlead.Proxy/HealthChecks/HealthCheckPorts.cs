using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fairlead.Proxy.HealthChecks;

/// <summary>Answers load balancers on each Service's healthCheckNodePort whether this node has an endpoint of it, as kube-proxy does.</summary>
/// <remarks>A port that somebody else holds is tried again with every change and now and then; the others answer meanwhile.</remarks>
internal sealed partial class HealthCheckPorts(Snapshot<ServiceTable> tables, Func<bool> isHealthy, ServiceProxyOptions options) : IAsyncDisposable
{
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(10);

    private readonly ILogger<HealthCheckPorts> _logger = options.Loggers.CreateLogger<HealthCheckPorts>();
    private readonly Dictionary<ushort, HealthServer> _servers = [];
    private readonly HashSet<ushort> _taken = [];

    /// <summary>Whose each port is; of two that claim one it is the one whose name sorts first.</summary>
    private volatile Dictionary<ushort, ServiceRules> _owners = [];

    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            var table = tables.Current;
            if (table.IsKnown)
            {
                await FollowAsync(table, ct);
            }

            var changed = tables.ChangedAsync(table);
            await (_taken.Count == 0 ? changed : Task.WhenAny(changed, Task.Delay(s_again, options.Time, ct))).WaitAsync(ct);
            ct.ThrowIfCancellationRequested(); // a wait that the token has ended may end without a word
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers.Values)
        {
            await server.DisposeAsync();
        }
    }

    /// <summary>The answer for one port.</summary>
    internal static HealthAnswer Answer(ObjectKey service, int localEndpoints, bool proxyIsHealthy)
    {
        var body = new JsonObject
        {
            ["service"] = new JsonObject { ["namespace"] = service.Namespace, ["name"] = service.Name },
            ["localEndpoints"] = localEndpoints,
            ["serviceProxyHealthy"] = proxyIsHealthy,
        };
        var status = localEndpoints > 0 && proxyIsHealthy ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return HealthAnswer.Json(body.ToJsonString(), status) with { EndpointWeight = localEndpoints };
    }

    private async Task FollowAsync(ServiceTable table, CancellationToken ct)
    {
        _owners = table.Services.Values.Where(s => s.HealthCheckNodePort != 0)
            .GroupBy(s => s.HealthCheckNodePort)
            .ToDictionary(g => g.Key, g => g.MinBy(s => s.Service)!);
        foreach (var port in _servers.Keys.Where(p => !_owners.ContainsKey(p)).ToList())
        {
            await _servers[port].DisposeAsync();
            _servers.Remove(port);
        }

        _taken.RemoveWhere(p => !_owners.ContainsKey(p));
        foreach (var (port, owner) in _owners.Where(o => !_servers.ContainsKey(o.Key)))
        {
            try
            {
                _servers[port] = await HealthServer.StartAsync(
                    new IPEndPoint(IPAddress.Any, port), _ => Answer(port), $"for the health check of Service {owner.Service}; free the port or change healthCheckNodePort", options.Network, options.Loggers, ct);
                _taken.Remove(port);
            }
            catch (IOException e)
            {
                if (_taken.Add(port))
                {
                    LogTaken(e.Message);
                }
            }
        }
    }

    private HealthAnswer Answer(ushort port)
        => _owners.TryGetValue(port, out var rules) ? Answer(rules.Service, rules.LocalReady, isHealthy()) : HealthAnswer.Text("no Service has this port\n", StatusCodes.Status503ServiceUnavailable);

    [LoggerMessage(LogLevel.Error, "{Problem}")]
    private partial void LogTaken(string problem);
}
