using System.Buffers;
using Fairlead.Core.Routing;

namespace Fairlead.Ingress.Forwarding;

/// <summary>A connection that has switched protocols, WebSocket as a rule: bytes go both ways until one side ends.</summary>
internal static class Tunnel
{
    private const int BufferSize = 16 * 1024;

    public static async Task RunAsync(Exchange exchange, UpstreamConnection connection, GlobalOptions options, RouteOptions route,
        CancellationToken aborted)
    {
        await using var client = await AcceptAsync(exchange, connection, options, route);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        var toClient = ToClientAsync(exchange, connection, client, stop.Token);
        var toEndpoint = ToEndpointAsync(exchange, connection, client, stop.Token);
        await Task.WhenAny(toClient, toEndpoint);

        // When the endpoint ends, the client has nothing to wait for; when the client ends, what the endpoint still says goes nowhere.
        await stop.CancelAsync();
        connection.Abort();
        await Task.WhenAll(toClient, toEndpoint);
    }

    private static async ValueTask<Stream> AcceptAsync(Exchange exchange, UpstreamConnection connection, GlobalOptions options,
        RouteOptions route)
    {
        var headers = exchange.Response.Headers;
        ResponseHeaders.Copy(connection.Head, connection.HeadBytes, headers, keepLength: false);
        Answers.AddHeaders(exchange, route, options);
        if (exchange.ExtendedConnect is { IsExtendedConnect: true } connect)
        {
            // Over HTTP/2 there is no key to answer (RFC 8441 §5).
            headers.Remove("Sec-WebSocket-Accept");
            exchange.Response.StatusCode = 200;
            return await connect.AcceptAsync();
        }

        headers.Upgrade = exchange.Request.Headers.Upgrade;
        return await exchange.Upgrade!.UpgradeAsync();
    }

    private static async Task ToClientAsync(Exchange exchange, UpstreamConnection connection, Stream client, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            // The first message may have come with the head; what was buffered after a long head is more than one buffer of ours.
            if (connection.Buffered is { IsEmpty: false } early)
            {
                await client.WriteAsync(early, ct);
                connection.Take(early.Length);
                exchange.BodyBytesSent += early.Length;
            }

            while (await connection.ReceiveAsync(buffer.AsMemory(0, BufferSize)) is var received and > 0)
            {
                await client.WriteAsync(buffer.AsMemory(0, received), ct);
                exchange.BodyBytesSent += received;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // However it broke, the tunnel has ended.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static async Task ToEndpointAsync(Exchange exchange, UpstreamConnection connection, Stream client, CancellationToken ct)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (await client.ReadAsync(buffer.AsMemory(0, BufferSize), ct) is var received and > 0)
            {
                await connection.SendAsync(buffer.AsMemory(0, received));
                connection.Sent();
                exchange.BodyBytesReceived += received;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // However it broke, the tunnel has ended.
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
