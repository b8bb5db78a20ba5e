using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Serialization;

namespace Fairlead.Topology.Containers;

/// <summary>A port of the host that leads to one of a container.</summary>
/// <param name="HostAddress">The one address of the host that it is for; empty for all of them.</param>
/// <param name="HostPort">The port of the host; 0 until a free one has been chosen.</param>
/// <param name="ContainerPort">The port of the container.</param>
/// <param name="Protocol"><c>tcp</c> or <c>udp</c>.</param>
public sealed record PublishedPort(string HostAddress, int HostPort, int ContainerPort, string Protocol)
{
    private const int LargestPort = 65535;
    private const string Form = "use [HOSTIP:][HOSTPORT:]PORT[/tcp|/udp], such as 8080:80, 127.0.0.1:53:53/udp, [::1]:8080:80 or 8000-8010:80-90";

    [JsonIgnore]
    internal IPAddress? Address => HostAddress.Length == 0 ? null : IPAddress.Parse(HostAddress);

    [JsonIgnore]
    internal bool IsUdp => Protocol == "udp";

    /// <summary>Reads what follows <c>-p</c>; a range gives several.</summary>
    /// <exception cref="ContainerException">It is in no such form.</exception>
    public static ImmutableArray<PublishedPort> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (rest, protocol) = text.LastIndexOf('/') is >= 0 and var slash ? (text[..slash], text[(slash + 1)..].ToLowerInvariant()) : (text, "tcp");
        if (protocol is not ("tcp" or "udp"))
        {
            throw ContainerException.Usage($"port '{text}': '{protocol}' is neither tcp nor udp", Form);
        }

        var address = "";
        if (rest.StartsWith('[') && rest.IndexOf("]:", StringComparison.Ordinal) is > 0 and var end)
        {
            (address, rest) = (rest[1..end], rest[(end + 2)..]);
        }
        else if (rest.Split(':') is [var first, var host, var port])
        {
            (address, rest) = (first, $"{host}:{port}");
        }

        if (address.Length > 0 && !IsAddress(address))
        {
            throw ContainerException.Usage($"port '{text}': '{address}' is not an address", Form);
        }

        var parts = rest.Split(':');
        if (parts.Length > 2)
        {
            throw ContainerException.Usage($"port '{text}': there are too many parts", Form);
        }

        var inside = Range(text, parts[^1]);
        var outside = parts.Length == 1 || parts[0].Length == 0 ? null : Range(text, parts[0]);
        if (outside is not null && outside.Length != inside.Length)
        {
            throw ContainerException.Usage($"port '{text}': {outside.Length} ports of the host cannot lead to {inside.Length} of the container", Form);
        }

        var shown = address.Length == 0 ? "" : IPAddress.Parse(address).ToString();
        return [.. inside.Select((port, i) => new PublishedPort(shown, outside?[i] ?? 0, port, protocol))];
    }

    /// <summary>Whether it is for packets of a family: one without an address is for both.</summary>
    internal bool IsFor(AddressFamily family) => Address is not { } address || address.AddressFamily == family;

    /// <summary>The one address that packets must be for; null where any of the host's will do.</summary>
    internal IPAddress? OnlyAddress => Address is { } address && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any) ? address : null;

    /// <summary>Whether both cannot be published at once.</summary>
    internal bool MeetsHostPortOf(PublishedPort other)
        => HostPort == other.HostPort && Protocol == other.Protocol
            && (Address is null || other.Address is null || Address.AddressFamily == other.Address.AddressFamily)
            && (OnlyAddress is null || other.OnlyAddress is null || OnlyAddress.Equals(other.OnlyAddress));

    /// <summary>The host's side: <c>127.0.0.1:8080/tcp</c>.</summary>
    internal string HostSide => string.Create(CultureInfo.InvariantCulture, $"{Shown}:{HostPort}/{Protocol}");

    /// <summary>As Docker's <c>ps</c> shows it.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Shown}:{HostPort}->{ContainerPort}/{Protocol}");

    private string Shown => Address switch
    {
        null => "*",
        { AddressFamily: AddressFamily.InterNetworkV6 } => $"[{HostAddress}]",
        _ => HostAddress,
    };

    private static bool IsAddress(string text)
        => IPAddress.TryParse(text, out var address)
            && !text.AsSpan().ContainsAny("%[]")
            && (address.AddressFamily == AddressFamily.InterNetworkV6 || address.ToString() == text);

    private static int[] Range(string text, string range)
    {
        var ends = range.Split('-');
        if (ends.Length > 2 || ends.Any(e => !int.TryParse(e, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > LargestPort))
        {
            throw ContainerException.Usage($"port '{text}': '{range}' is not a port from 1 to {LargestPort} or a range of them", Form);
        }

        var (first, last) = (int.Parse(ends[0], CultureInfo.InvariantCulture), int.Parse(ends[^1], CultureInfo.InvariantCulture));
        return first <= last
            ? [.. Enumerable.Range(first, last - first + 1)]
            : throw ContainerException.Usage($"port '{text}': the range {range} ends before it begins", Form);
    }
}
