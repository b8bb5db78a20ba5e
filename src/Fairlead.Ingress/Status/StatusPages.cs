using Fairlead.Core.Routing;
using Fairlead.Core.Telemetry;
using Fairlead.Ingress.Forwarding;
using Fairlead.Kube.State;

namespace Fairlead.Ingress.Status;

/// <summary>The controller's own pages on port 10254: health, metrics, and the route table for people.</summary>
internal sealed class StatusPages(Snapshot<RouteTable> routes, PrometheusText prometheus, string healthPath)
{
    private volatile bool _ready;

    /// <summary>
    /// Objects have been listed and requests are served; false again while shutting down, so that no new ones are sent here.
    /// </summary>
    public bool IsReady
    {
        get => _ready;
        set => _ready = value;
    }

    public Task AnswerAsync(Exchange exchange)
    {
        var path = exchange.Request.Path;
        if (string.Equals(path, healthPath, StringComparison.Ordinal) || path is "/readyz")
        {
            exchange.Response.StatusCode = _ready ? 200 : 503;
            return Answers.WriteAsync(exchange, "text/plain; charset=utf-8", _ready ? "ok" : "not ready");
        }

        return path switch
        {
            "/livez" => Answers.WriteAsync(exchange, "text/plain; charset=utf-8", "ok"),
            "/metrics" => Answers.WriteAsync(exchange, PrometheusText.ContentType, prometheus.Render()),
            "/debug/tables/routes" => Answers.WriteAsync(exchange, "text/plain; charset=utf-8", routes.Current.ToString()),
            _ => Answers.PageAsync(exchange, 404),
        };
    }
}
