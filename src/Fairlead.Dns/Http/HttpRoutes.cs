using System.Net;

namespace Fairlead.Dns.Http;

/// <summary>What an HTTP path answers: a status and a text.</summary>
internal readonly record struct HttpAnswer(int Status, string Body, string ContentType = "text/plain; charset=utf-8");

/// <summary>The paths a configuration wants served, by listening address.</summary>
internal sealed class HttpRoutes
{
    private readonly Dictionary<IPEndPoint, Dictionary<string, Func<HttpAnswer>>> _byAddress = [];

    public IReadOnlyDictionary<IPEndPoint, Dictionary<string, Func<HttpAnswer>>> ByAddress => _byAddress;

    /// <summary>Asks for a path; the first who asks for one keeps it, as server blocks may name the same.</summary>
    public bool Add(IPEndPoint address, string path, Func<HttpAnswer> handler)
    {
        if (!_byAddress.TryGetValue(address, out var paths))
        {
            _byAddress[address] = paths = new(StringComparer.Ordinal);
        }

        return paths.TryAdd(path, handler);
    }

    /// <summary>Reads <c>:8080</c>, <c>127.0.0.1:8080</c>, <c>[::1]:8080</c> or <c>localhost:8080</c>.</summary>
    public static bool TryParseAddress(string text, out IPEndPoint address)
    {
        address = new IPEndPoint(IPAddress.IPv6Any, 0);
        var colon = text.LastIndexOf(':');
        if (colon < 0 || !ushort.TryParse(text.AsSpan(colon + 1), System.Globalization.NumberStyles.None, null, out var port))
        {
            return false;
        }

        var host = text[..colon];
        if (host.Length == 0)
        {
            address = new IPEndPoint(System.Net.Sockets.Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port);
            return true;
        }

        var ip = host is "localhost" ? IPAddress.Loopback : IPAddress.TryParse(host.Trim('[', ']'), out var parsed) ? parsed : null;
        if (ip is null)
        {
            return false;
        }

        address = new IPEndPoint(ip, port);
        return true;
    }
}
