namespace Fairlead.Core.Routing;

/// <summary>Host names as rules and requests have them, made comparable.</summary>
internal static class HostName
{
    /// <summary>Lower case, without the root's dot.</summary>
    public static string Normalise(string host)
    {
        var bare = host.EndsWith('.') ? host[..^1] : host;
        return bare.AsSpan().ContainsAnyInRange('A', 'Z') ? bare.ToLowerInvariant() : bare;
    }

    /// <summary>The host of a <c>Host</c> header: without its port. An IPv6 literal keeps its brackets.</summary>
    public static string OfHeader(string header)
    {
        var bracket = header.StartsWith('[') ? header.IndexOf(']', StringComparison.Ordinal) : 0;
        var colon = header.IndexOf(':', Math.Max(bracket, 0));
        return Normalise(colon < 0 ? header : header[..colon]);
    }

    /// <summary>
    /// The wildcard that covers a host, which is for exactly one label: <c>a.example.com</c> → <c>*.example.com</c>. Null for a host of
    /// one label.
    /// </summary>
    public static string? Wildcard(string host)
    {
        var dot = host.IndexOf('.', StringComparison.Ordinal);
        return dot <= 0 || dot + 1 == host.Length ? null : string.Concat("*", host.AsSpan(dot));
    }
}
