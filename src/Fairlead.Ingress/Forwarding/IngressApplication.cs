using Fairlead.Core.Routing;
using Fairlead.Ingress.Status;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Abstractions;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress.Forwarding;

/// <summary>What Kestrel calls for every request: decides by the newest route table, then answers or forwards.</summary>
/// <remarks>It stands directly on the server: no hosting pipeline, no HttpContext, no routing of ASP.NET in between.</remarks>
internal sealed partial class IngressApplication(
    LiveRoutes routes, Forwarder forwarder, StatusPages status, RequestMetrics metrics, AccessLog? accessLog, TimeProvider time,
    ILogger<IngressApplication> logger)
    : IHttpApplication<Exchange>
{
    public Exchange CreateContext(IFeatureCollection contextFeatures)
    {
        Exchange exchange;
        if (contextFeatures is IHostContextContainer<Exchange> container)
        {
            exchange = container.HostContext ??= new Exchange();
        }
        else
        {
            exchange = new Exchange();
        }

        exchange.Begin(contextFeatures, time.GetTimestamp());
        return exchange;
    }

    public void DisposeContext(Exchange context, Exception? exception)
    {
    }

    public async Task ProcessRequestAsync(Exchange context)
    {
        if (context.Listener.Kind == ListenerKind.Status)
        {
            await status.AnswerAsync(context);
            return;
        }

        try
        {
            await HandleAsync(context);
        }
        catch (Exception e)
        {
            // A fault of ours must not take more than this one request with it.
            LogFailed(e, context.Request.Method, context.Request.RawTarget);
            if (context.Response.HasStarted || context.BodyBytesSent > 0)
            {
                context.Lifetime.Abort();
            }
            else
            {
                context.Response.Headers.Clear();
                await Answers.PageAsync(context, 500);
            }
        }

        metrics.Record(context, time.GetElapsedTime(context.Started));
        if (accessLog is not null && context.Route is not { Options.AccessLog: false })
        {
            accessLog.Write(context, time.GetElapsedTime(context.Started));
        }
    }

    private async Task HandleAsync(Exchange exchange)
    {
        var table = routes.Current;
        exchange.Client = ClientView.Of(exchange, table.Options);
        if (!RequestTarget.TryParse(exchange.Request.RawTarget, out var target) || IsAmbiguous(exchange))
        {
            await Answers.PageAsync(exchange, 400);
            return;
        }

        while (true)
        {
            var decision = Decide(table, exchange, target.Value);
            exchange.Route = decision.Route;
            exchange.Upstream = decision.Upstream ?? decision.Route.Upstream;
            if (decision.Status != 0)
            {
                await AnswerAsync(exchange, decision, table.Options);
                return;
            }

            // Between the table and its connections a newer table may have come in force that has the upstream no more: decide by that one.
            var upstream = routes.Find(decision.Upstream!);
            var newest = routes.Current;
            if ((upstream is null || upstream.Count == 0) && !ReferenceEquals(table, newest))
            {
                table = newest;
                continue;
            }

            if (upstream is null)
            {
                await Answers.PageAsync(exchange, 503);
                return;
            }

            exchange.RequestId = RequestId(exchange, table.Options);
            await forwarder.ForwardAsync(exchange, decision, upstream, table.Options);
            return;
        }
    }

    private static RouteDecision Decide(RouteTable table, Exchange exchange, RequestTarget target)
    {
        var request = exchange.Request;
        return RequestRouter.Decide(table, new RouteRequest(
            exchange.Client.IsHttps, request.Headers.Host.ToString(), exchange.Client.Host, target, request.Method,
            exchange.Client.Address, request.Headers.ContentLength));
    }

    private static Task AnswerAsync(Exchange exchange, in RouteDecision decision, GlobalOptions options)
    {
        Answers.AddHeaders(exchange, decision.Route.Options, options);
        if (decision.Status == 204)
        {
            Answers.Preflight(exchange);
            return Task.CompletedTask;
        }

        return Answers.PageAsync(exchange, decision.Status, decision.Location);
    }

    /// <summary>
    /// Framings that a client may mean in one way and an endpoint read in another: request smuggling. RFC 9112 §6.1 lets a server refuse
    /// them.
    /// </summary>
    /// <remarks>Of both framings Kestrel takes the chunked one and renames the other header; this proxy refuses.</remarks>
    private static bool IsAmbiguous(Exchange exchange)
        => exchange.Request.Headers.TransferEncoding.Count > 0 && exchange.Request.Headers.ContainsKey("X-Content-Length");

    private static string RequestId(Exchange exchange, GlobalOptions options)
        => exchange.Request.Headers["X-Request-ID"].ToString() is { Length: > 0 } given ? given
            : options.GenerateRequestId ? Guid.NewGuid().ToString("N")
            : "";

    [LoggerMessage(LogLevel.Error, "{Method} {Target} failed")]
    private partial void LogFailed(Exception e, string method, string target);
}
