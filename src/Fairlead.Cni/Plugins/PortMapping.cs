using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>A port of the host that leads to one of the container.</summary>
/// <param name="Protocol">The transport protocol's number.</param>
/// <param name="HostPort">The host's port.</param>
/// <param name="ContainerPort">The container's.</param>
/// <param name="HostAddress">The one address of the host that it is for; null for all.</param>
internal sealed record PortMapping(int Protocol, int HostPort, int ContainerPort, IPAddress? HostAddress)
{
    private const int LargestPort = 65535;

    /// <summary>The family that the mapping is confined to, by its host address; null for both.</summary>
    public AddressFamily? Family { get; init; }

    public static ImmutableArray<PortMapping> ReadAll(NetworkConfig config)
        => [.. config.Runtime["portMappings"].Items().Select(Read)];

    public bool IsFor(NftFamilyTerms terms)
        => Family is null || (Family == AddressFamily.InterNetwork) == terms.IsIPv4;

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{(HostAddress is null ? "" : $"{HostAddress} ")}{NameOf(Protocol)} port {HostPort}");

    public static string NameOf(int protocol) => protocol switch
    {
        NftValue.Udp => "udp",
        NftValue.Sctp => "sctp",
        _ => "tcp",
    };

    private static PortMapping Read(ConfigNode node)
    {
        var protocol = node["protocol"].Text("tcp").ToLowerInvariant() switch
        {
            "" or "tcp" => NftValue.Tcp,
            "udp" => NftValue.Udp,
            "sctp" => NftValue.Sctp,
            var other => throw node["protocol"].Fault($"'{other}' is none of tcp, udp and sctp"),
        };
        int Port(string key) => node[key].Exists ? node[key].Number(0, 1, LargestPort) : throw node[key].Fault("is missing");
        var address = node["hostIP"].Address();
        var isAny = address is null || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
        return new PortMapping(protocol, Port("hostPort"), Port("containerPort"), isAny ? null : address) { Family = address?.AddressFamily };
    }
}
