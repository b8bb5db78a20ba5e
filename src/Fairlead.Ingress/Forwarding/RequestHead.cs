using System.Collections.Frozen;
using Fairlead.Core.Routing;

namespace Fairlead.Ingress.Forwarding;

/// <summary>Writes the head of a request for an endpoint, with the headers that ingress-nginx sets.</summary>
internal static class RequestHead
{
    // What this proxy says itself, so that no client can say it; and what means nothing further on.
    private static readonly FrozenSet<string> s_own = FrozenSet.ToFrozenSet(
        [
            "Host", "Content-Length", "Expect", "Proxy", "X-Request-ID", "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host",
            "X-Forwarded-Port",
            "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Scheme", "X-Original-Forwarded-For", "X-Original-Forwarded-Host",
        ],
        StringComparer.OrdinalIgnoreCase);

    /// <summary>The framing of the body that follows.</summary>
    /// <param name="Length">Its length; null without a length.</param>
    /// <param name="IsChunked">It is sent in chunks.</param>
    public readonly record struct Framing(long? Length, bool IsChunked);

    /// <param name="upgrade">The protocol to switch to, or null.</param>
    public static void Write(ByteWriter to, Exchange exchange, in RouteDecision decision, GlobalOptions options, Framing framing,
        string? upgrade)
    {
        var client = exchange.Client;
        var headers = exchange.Request.Headers;
        var listed = HopByHop.ListedBy(headers.Connection);
        var route = decision.Route.Options;
        to.Write(exchange.ExtendedConnect is { IsExtendedConnect: true } ? "GET" : exchange.Request.Method);
        to.Write(" "u8);
        to.Write(decision.Target);
        to.Write(" HTTP/1.1\r\nHost: "u8);
        to.Write(route.UpstreamHost ?? client.Host);
        to.Write("\r\n"u8);

        foreach (var (name, values) in headers)
        {
            if (name[0] == ':' || s_own.Contains(name) || HopByHop.Contains(name) || name.Contains('_', StringComparison.Ordinal)
                || (listed is not null && listed.Contains(name, StringComparer.OrdinalIgnoreCase))
                || (decision.Rewritten && route.ForwardedPrefix is not null
                    && name.Equals("X-Forwarded-Prefix", StringComparison.OrdinalIgnoreCase)))
            {
                continue;
            }

            foreach (var value in values)
            {
                Header(to, name, value ?? "");
            }
        }

        if (framing.IsChunked)
        {
            to.Write("Transfer-Encoding: chunked\r\n"u8);
        }
        else if (framing.Length is { } length)
        {
            to.Write("Content-Length: "u8);
            to.Write(length);
            to.Write("\r\n"u8);
        }

        if (upgrade is not null)
        {
            to.Write("Connection: upgrade\r\n"u8);
            Header(to, "Upgrade", upgrade);
        }

        WriteForwarded(to, exchange, options);
        if (decision.Rewritten && route.ForwardedPrefix is { } prefix)
        {
            Header(to, "X-Forwarded-Prefix", prefix);
        }
    }

    private static void WriteForwarded(ByteWriter to, Exchange exchange, GlobalOptions options)
    {
        var client = exchange.Client;
        var headers = exchange.Request.Headers;
        var address = client.Address.ToString();
        if (exchange.RequestId.Length > 0)
        {
            Header(to, "X-Request-ID", exchange.RequestId);
        }

        var before = headers["X-Forwarded-For"].ToString();
        Header(to, "X-Real-IP", address);
        Header(to, "X-Forwarded-For", options is { UseForwardedHeaders: true, ComputeFullForwardedFor: true } && before.Length > 0
            ? $"{before}, {exchange.Connection.RemoteIpAddress}"
            : address);
        Header(to, "X-Forwarded-Host", client.Host);
        Header(to, "X-Forwarded-Port", client.Port);
        Header(to, "X-Forwarded-Proto", client.Scheme);
        Header(to, "X-Forwarded-Scheme", client.Scheme);
        Header(to, "X-Scheme", client.Scheme);
        if (before.Length > 0)
        {
            Header(to, "X-Original-Forwarded-For", before);
        }

        if (headers["X-Forwarded-Host"].ToString() is { Length: > 0 } host)
        {
            Header(to, "X-Original-Forwarded-Host", host);
        }
    }

    private static void Header(ByteWriter to, string name, string value)
    {
        to.Write(name);
        to.Write(": "u8);
        to.Write(value);
        to.Write("\r\n"u8);
    }
}
