using System.Security.Cryptography;
using Fairlead.Core.Routing;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Ingress.Forwarding;

/// <summary>Takes a request to an endpoint and its answer back, and tries the next endpoint where that is safe.</summary>
/// <remarks>
/// Safe means: no byte of an answer has been passed on, the body can be sent again, and either nothing was sent or the method is idempotent
/// (RFC 9110 §9.2.2). A kept connection that the endpoint closed meanwhile counts as no try.
/// </remarks>
internal sealed class Forwarder(TimeProvider time)
{
    public async Task ForwardAsync(Exchange exchange, RouteDecision decision, LiveUpstream upstream, GlobalOptions options)
    {
        var aborted = exchange.Lifetime.RequestAborted;
        var upgrade = UpgradeProtocol(exchange);
        RequestBody? body = null;
        try
        {
            if (upgrade is null)
            {
                SetBodyLimit(exchange, decision.Route.Options.BodyLimit);
                body = await RequestBody.OpenAsync(exchange, aborted);
            }

            await TryEndpointsAsync(exchange, decision, upstream, options, body, upgrade, aborted);
        }
        catch (BadHttpRequestException e) when (!exchange.Response.HasStarted)
        {
            await Answers.PageAsync(exchange, e.StatusCode);
        }
        catch (Exception e) when (e is ClientGoneException or BadHttpRequestException || aborted.IsCancellationRequested)
        {
            exchange.ClientGone = true;
            exchange.Lifetime.Abort();
        }
        finally
        {
            exchange.BodyBytesReceived += body?.Read ?? 0;
            body?.Dispose();
        }
    }

    private async Task TryEndpointsAsync(
        Exchange exchange, RouteDecision decision, LiveUpstream upstream, GlobalOptions options, RequestBody? body, string? upgrade,
        CancellationToken aborted)
    {
        var route = decision.Route.Options;
        var started = time.GetTimestamp();
        var tried = new List<EndpointPool>(0);
        UpstreamException? failure = null;
        while (upstream.Next(tried) is { } pool)
        {
            var hasNext = tried.Count + 1 < upstream.Count && IsInLimits(route, tried.Count + 1, time.GetElapsedTime(started))
                && IsRepeatable(exchange, route, options);
            try
            {
                if (await new Attempt(exchange, decision, options, pool, hasNext, time).RunAsync(body, upgrade, aborted) is var result
                    && result == AttemptResult.Answered)
                {
                    return;
                }

                if (result == AttemptResult.TryNext)
                {
                    tried.Add(pool);
                }
            }
            catch (UpstreamException) when (exchange.Response.HasStarted || exchange.BodyBytesSent > 0)
            {
                // The client has seen the beginning of an answer: all that is left is to let it see that this is not the end.
                exchange.Lifetime.Abort();
                return;
            }
            catch (UpstreamException e)
            {
                failure = e;
                tried.Add(pool);
                exchange.Response.Headers.Clear();
                if (!MayTryNext(e, route, body) || !IsInLimits(route, tried.Count, time.GetElapsedTime(started))
                    || !(e.NothingSent || IsRepeatable(exchange, route, options)))
                {
                    break;
                }
            }
        }

        await Answers.PageAsync(exchange, failure switch { null => 503, { Failure: UpstreamFailure.Timeout } => 504, _ => 502 });
    }

    private static bool MayTryNext(UpstreamException e, RouteOptions route, RequestBody? body)
    {
        var wanted = e.Failure switch
        {
            UpstreamFailure.Timeout => NextUpstream.Timeout,
            UpstreamFailure.InvalidAnswer => NextUpstream.InvalidHeader,
            _ => NextUpstream.Error,
        };
        return route.NextUpstream.HasFlag(wanted) && body is not { CanSend: false };
    }

    private static bool IsInLimits(RouteOptions route, int tries, TimeSpan elapsed)
        => (route.NextUpstreamTries == 0 || tries < route.NextUpstreamTries)
            && (route.NextUpstreamTimeout == TimeSpan.Zero || elapsed < route.NextUpstreamTimeout);

    private static bool IsRepeatable(Exchange exchange, RouteOptions route, GlobalOptions options)
        => Methods.IsIdempotent(exchange.Request.Method) || options.RetryNonIdempotent
            || route.NextUpstream.HasFlag(NextUpstream.NonIdempotent);

    private static void SetBodyLimit(Exchange exchange, long limit)
    {
        if (exchange.BodyLimit is { IsReadOnly: false } feature)
        {
            feature.MaxRequestBodySize = limit > 0 ? limit : null;
        }
    }

    /// <summary>
    /// The protocol that the client wants to switch to; null when it does not, or for one that would hide requests from this proxy (h2c).
    /// </summary>
    private static string? UpgradeProtocol(Exchange exchange)
    {
        if (exchange.ExtendedConnect is { IsExtendedConnect: true } connect)
        {
            return connect.Protocol;
        }

        var wanted = exchange.Upgrade is { IsUpgradableRequest: true } ? exchange.Request.Headers.Upgrade.ToString() : "";
        return wanted.Length == 0 || wanted.Contains("h2c", StringComparison.OrdinalIgnoreCase) ? null : wanted;
    }
}

/// <summary>What is known of request methods.</summary>
internal static class Methods
{
    /// <summary>Doing it twice is as good as once (RFC 9110 §9.2.2).</summary>
    public static bool IsIdempotent(string method) => method is "GET" or "HEAD" or "OPTIONS" or "TRACE" or "PUT" or "DELETE";

    /// <summary>A key for a WebSocket handshake that a client over HTTP/2 does not send (RFC 8441 §5).</summary>
    public static string NewWebSocketKey() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
}
