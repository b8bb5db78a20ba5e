using System.Net;
using Fairlead.Core.Routing;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Ingress.Forwarding;

/// <summary>Who asks and how: by the connection, or by the word of a trusted proxy in front.</summary>
/// <param name="Address">The client's address.</param>
/// <param name="Scheme"><c>http</c> or <c>https</c>.</param>
/// <param name="Host">The host that the client asked for, with its port.</param>
/// <param name="Port">The port that the client came to.</param>
internal readonly record struct ClientView(IPAddress Address, string Scheme, string Host, string Port)
{
    public bool IsHttps => Scheme is "https";

    /// <summary>
    /// As ingress-nginx finds <c>$remote_addr</c>, <c>$pass_access_scheme</c>, <c>$best_http_host</c> and <c>$pass_port</c>.
    /// </summary>
    public static ClientView Of(Exchange exchange, GlobalOptions options)
    {
        var listener = exchange.Listener;
        var address = exchange.Connection.RemoteIpAddress is not { } remote ? IPAddress.None
            : remote.IsIPv4MappedToIPv6 ? remote.MapToIPv4()
            : remote;
        var headers = exchange.Request.Headers;
        var view = new ClientView(
            address,
            listener.Kind == ListenerKind.Https ? "https" : "http",
            headers.Host.ToString(),
            listener.Kind == ListenerKind.Https ? "443" : PortText(listener.Port));

        return options.UseForwardedHeaders && options.TrustedProxies.Contains(address) ? view.Believing(headers, options) : view;
    }

    private ClientView Believing(IHeaderDictionary headers, GlobalOptions options)
    {
        var scheme = headers["X-Forwarded-Proto"].ToString();
        var host = headers["X-Forwarded-Host"].ToString().Split(',')[0].Trim();
        var port = headers["X-Forwarded-Port"].ToString();
        return new ClientView(
            OriginalAddress(headers["X-Forwarded-For"].ToString(), options.TrustedProxies) ?? Address,
            scheme is "http" or "https" ? scheme : Scheme,
            host.Length > 0 ? host : Host,
            ushort.TryParse(port, out _) ? port : Port);
    }

    /// <summary>
    /// The last address of the list that is no trusted proxy; the first one if all are (nginx <c>real_ip_recursive on</c>).
    /// </summary>
    private static IPAddress? OriginalAddress(string list, AddressRanges trusted)
    {
        IPAddress? found = null;
        foreach (var word in list.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Reverse())
        {
            if (!IPAddress.TryParse(word, out var address))
            {
                break;
            }

            found = address;
            if (!trusted.Contains(address))
            {
                break;
            }
        }

        return found;
    }

    private static string PortText(int port) => port == 80 ? "80" : port.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
