using System.Text;
using Fairlead.Core.Routing;
using Microsoft.AspNetCore.WebUtilities;

namespace Fairlead.Ingress.Forwarding;

/// <summary>Answers that come from the ingress itself.</summary>
internal static class Answers
{
    /// <summary>A status with the small page that nginx answers with.</summary>
    public static Task PageAsync(Exchange exchange, int status, string? location = null)
    {
        var reason = status switch
        {
            413 => "Request Entity Too Large",
            503 => "Service Temporarily Unavailable",
            504 => "Gateway Time-out",
            _ => ReasonPhrases.GetReasonPhrase(status),
        };
        exchange.Response.StatusCode = status;
        exchange.Response.ReasonPhrase = reason;
        if (location is not null)
        {
            exchange.Response.Headers.Location = location;
        }

        // Where a request could not be understood nothing after it on the connection can be.
        if (status == 400 && !exchange.IsHttp2)
        {
            exchange.Response.Headers.Connection = "close";
        }

        var page = $"<html>\r\n<head><title>{status} {reason}</title></head>\r\n<body>\r\n"
            + $"<center><h1>{status} {reason}</h1></center>\r\n<hr><center>fairlead</center>\r\n</body>\r\n</html>\r\n";
        return WriteAsync(exchange, "text/html", page);
    }

    public static async Task WriteAsync(Exchange exchange, string contentType, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        exchange.Response.Headers.ContentType = contentType;
        exchange.Response.Headers.ContentLength = bytes.Length;
        if (exchange.Request.Method is not "HEAD")
        {
            exchange.BodyBytesSent = bytes.Length;
            await exchange.ResponseBody.Writer.WriteAsync(bytes);
        }
    }

    /// <summary>The answer to a preflight request (<c>enable-cors</c>).</summary>
    public static void Preflight(Exchange exchange)
    {
        exchange.Response.StatusCode = 204;
        exchange.Response.Headers.ContentType = "text/plain charset=UTF-8";
    }

    /// <summary>The headers that routes and global options add to every answer.</summary>
    public static void AddHeaders(Exchange exchange, RouteOptions route, GlobalOptions options)
    {
        var headers = exchange.Response.Headers;
        if (route.Cors is { } cors && cors.Allow(exchange.Request.Headers.Origin) is { } origin)
        {
            headers.AccessControlAllowOrigin = origin;
            if (origin != "*")
            {
                headers.Vary = headers.Vary.Count == 0 ? "Origin" : $"{headers.Vary}, Origin";
            }

            if (cors.Credentials)
            {
                headers.AccessControlAllowCredentials = "true";
            }

            headers.AccessControlAllowMethods = cors.Methods;
            headers.AccessControlAllowHeaders = cors.Headers;
            headers.AccessControlMaxAge = cors.MaxAge.ToString(System.Globalization.CultureInfo.InvariantCulture);
            if (cors.ExposeHeaders is { } expose)
            {
                headers.AccessControlExposeHeaders = expose;
            }
        }

        if (exchange.Listener.Kind == ListenerKind.Https && options.StrictTransportSecurity is { } transport)
        {
            headers.StrictTransportSecurity = transport;
        }
    }
}
