using Fairlead.Core.Routing;

namespace Fairlead.Ingress.Forwarding;

/// <summary>How a try at an endpoint ended, when nothing went wrong.</summary>
internal enum AttemptResult
{
    /// <summary>The answer was passed on.</summary>
    Answered,

    /// <summary>A kept connection turned out to be closed: nothing has happened.</summary>
    Stale,

    /// <summary>The endpoint answered a status for which the next one is to be tried.</summary>
    TryNext,
}

/// <summary>One try to have one endpoint answer a request.</summary>
/// <param name="hasNext">There is another endpoint to try; without one, every answer is passed on.</param>
internal sealed class Attempt(
    Exchange exchange, RouteDecision decision, GlobalOptions options, EndpointPool pool, bool hasNext, TimeProvider time)
{
    private readonly RouteOptions _route = decision.Route.Options;
    private bool _reusable;

    private bool IsHttps => _route.Protocol == UpstreamProtocol.Https;

    /// <summary>Sends the request and passes the answer on.</summary>
    public async ValueTask<AttemptResult> RunAsync(RequestBody? body, string? upgrade, CancellationToken aborted)
    {
        exchange.Endpoint = pool.Endpoint;
        var started = time.GetTimestamp();

        // What may not be sent twice goes out only on a connection that is known to be open.
        var careful = body is { IsStreamed: true } || !Methods.IsIdempotent(exchange.Request.Method);
        var connection = await ConnectAsync(careful, aborted);
        exchange.ConnectTime = time.GetElapsedTime(started);
        connection.Begin(_route.ReadTimeout, _route.SendTimeout);
        try
        {
            await using var onAbort = aborted.UnsafeRegister(static state => ((UpstreamConnection)state!).Abort(), connection);
            if (await TrySendAsync(connection, body, upgrade, careful) is not { } sending)
            {
                return AttemptResult.Stale;
            }

            return await AnswerAsync(connection, body, sending, started, aborted);
        }
        catch (UpstreamException) when (aborted.IsCancellationRequested)
        {
            throw new ClientGoneException();
        }
        finally
        {
            // End is called in any case: it gives the buffer back.
            if (connection.End() && _reusable)
            {
                pool.Return(connection, options.UpstreamKeepAlive);
            }
            else
            {
                connection.Dispose();
            }
        }
    }

    private async ValueTask<UpstreamConnection> ConnectAsync(bool careful, CancellationToken aborted)
    {
        while (pool.Take(IsHttps, options.UpstreamIdle) is { } kept)
        {
            if (!careful || !kept.IsStale())
            {
                return kept;
            }

            kept.Dispose();
        }

        return await UpstreamConnection.ConnectAsync(pool.Endpoint, IsHttps, _route.ConnectTimeout, time, aborted);
    }

    /// <summary>
    /// Sends the head, and the body as far as it is in memory, and reads the head of the answer; null for a stale connection.
    /// </summary>
    /// <returns>The task that sends the rest of the body.</returns>
    private async ValueTask<Sending?> TrySendAsync(UpstreamConnection connection, RequestBody? body, string? upgrade, bool careful)
    {
        Sending? sending = null;
        try
        {
            using (var head = new ByteWriter())
            {
                RequestHead.Write(head, exchange, decision, options, body?.Framing ?? default, upgrade);
                if (upgrade is not null && exchange.ExtendedConnect is { IsExtendedConnect: true })
                {
                    head.Write("Sec-WebSocket-Key: "u8);
                    head.Write(Methods.NewWebSocketKey());
                    head.Write("\r\n"u8);
                }

                head.Write("\r\n"u8);
                if (body is { IsStreamed: false })
                {
                    head.Write(body.Whole.Span);
                }

                await connection.SendAsync(head.Written);
            }

            sending = new Sending(body is { IsStreamed: true } ? body : null, connection);
            if (await ReadFinalHeadAsync(connection))
            {
                // Here, where a failure also ends the sending of the body.
                return connection.Head.Status == 101 && upgrade is null
                    ? throw new UpstreamException(UpstreamFailure.InvalidAnswer, $"{pool.Endpoint} switches protocols without being asked")
                    : sending;
            }

            await sending.StopAsync();
            return connection.IsReused && !careful
                ? null
                : throw new UpstreamException(UpstreamFailure.Error, $"{pool.Endpoint} closed without an answer");
        }
        catch (UpstreamException e) when (connection.IsReused && !careful && e.Failure == UpstreamFailure.Error)
        {
            return null;
        }
        catch
        {
            if (sending is not null)
            {
                connection.Abort();
                await sending.StopAsync();
                sending.ThrowIfClientFailed();
            }

            throw;
        }
    }

    /// <summary>Reads the head of the answer; interim answers (RFC 9110 §15.2) are not passed on.</summary>
    private static async ValueTask<bool> ReadFinalHeadAsync(UpstreamConnection connection)
    {
        while (true)
        {
            if (!await connection.ReadHeadAsync())
            {
                return false;
            }

            if (connection.Head.Status is 101 or >= 200)
            {
                return true;
            }
        }
    }

    private async ValueTask<AttemptResult> AnswerAsync(
        UpstreamConnection connection, RequestBody? body, Sending sending, long started, CancellationToken aborted)
    {
        var head = connection.Head;
        exchange.UpstreamStatus = head.Status;
        exchange.HeaderTime = time.GetElapsedTime(started);
        if (head.Status == 101)
        {
            await Tunnel.RunAsync(exchange, connection, options, _route, aborted);
            exchange.UpstreamTime = time.GetElapsedTime(started);
            return AttemptResult.Answered;
        }

        if (hasNext && NextUpstreamStatus(head.Status) is { } flag && _route.NextUpstream.HasFlag(flag) && body is not { CanSend: false })
        {
            return AttemptResult.TryNext;
        }

        var withoutBody = head.IsWithoutBody(exchange.Request.Method is "HEAD");
        exchange.Response.StatusCode = head.Status;
        ResponseHeaders.Copy(head, connection.HeadBytes, exchange.Response.Headers, keepLength: head.Status is not 204);
        Answers.AddHeaders(exchange, _route, options);
        var output = new ResponseBody(connection, exchange.ResponseBody.Writer);
        try
        {
            if (!withoutBody)
            {
                await (head.IsChunked ? output.CopyChunkedAsync()
                    : head.ContentLength is { } length ? output.CopyAsync(length)
                    : output.CopyToEndAsync());
            }
        }
        finally
        {
            exchange.BodyBytesSent = output.Passed;
            exchange.UpstreamTime = time.GetElapsedTime(started);
            if (!sending.IsDone)
            {
                // Answered before it had the whole request: the rest is of no interest, and the connection is in no known state.
                connection.Abort();
            }

            await sending.StopAsync();
        }

        _reusable = head.KeepsAlive && sending.Succeeded && (withoutBody || head.IsChunked || head.ContentLength is not null);
        return AttemptResult.Answered;
    }

    private static NextUpstream? NextUpstreamStatus(int status)
        => status switch
        {
            403 => NextUpstream.Http403,
            404 => NextUpstream.Http404,
            429 => NextUpstream.Http429,
            500 => NextUpstream.Http500,
            502 => NextUpstream.Http502,
            503 => NextUpstream.Http503,
            504 => NextUpstream.Http504,
            _ => null,
        };
}
