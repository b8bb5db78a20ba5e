using System.Net;
using System.Net.Sockets;
using System.Text.Json.Serialization;
using Fairlead.Linux;

namespace Fairlead.Topology.Containers.State;

/// <summary>A range of addresses of a network.</summary>
/// <param name="Range">The range: <c>172.30.0.0/16</c>.</param>
/// <param name="Gateway">The bridge's address in it.</param>
/// <param name="Pool">The part that containers get theirs from where they name none; null for all of it.</param>
public sealed record NetworkSubnet(string Range, string Gateway, string? Pool = null)
{
    [JsonIgnore]
    internal IPNetwork Network => IPNetwork.Parse(Range);

    [JsonIgnore]
    internal IPAddress GatewayAddress => IPAddress.Parse(Gateway);

    [JsonIgnore]
    internal IPNetwork PoolNetwork => IPNetwork.Parse(Pool ?? Range);

    /// <summary>What the bridge has.</summary>
    [JsonIgnore]
    internal InterfaceAddress BridgeAddress => new(GatewayAddress, Network.PrefixLength);

    [JsonIgnore]
    internal AddressFamily Family => Network.BaseAddress.AddressFamily;
}

/// <summary>The file of a network of containers.</summary>
public sealed record NetworkRecord
{
    /// <summary>The version of this file's form.</summary>
    public int Version { get; init; } = 1;

    /// <summary>64 hexadecimal digits.</summary>
    public required string Id { get; init; }

    /// <summary>What it is asked for by.</summary>
    public required string Name { get; init; }

    /// <summary>The bridge on the host.</summary>
    public required string Bridge { get; init; }

    /// <summary>One of IPv4, and one of IPv6 where that was asked for.</summary>
    public required IReadOnlyList<NetworkSubnet> Subnets { get; init; }

    /// <summary>Nothing gets in or out.</summary>
    public bool Internal { get; init; }

    /// <summary>What its owner wants to remember.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>When it was created.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>The network namespace that its bridge is in.</summary>
    public required ulong HostNamespace { get; init; }

    /// <summary><see cref="Linux.Processes.Boot.Id"/> of the last time its bridge was made.</summary>
    public required string BootId { get; init; }

    [JsonIgnore]
    internal bool IsDefault => Name == NetworkNames.Bridge;

    [JsonIgnore]
    internal bool HasIPv6 => Subnets.Any(s => s.Family == AddressFamily.InterNetworkV6);
}

/// <summary>Settings of the host that we changed, as they were before.</summary>
public sealed record HostSettings
{
    /// <summary>By key, such as <c>net/ipv4/ip_forward</c>.</summary>
    public IReadOnlyDictionary<string, string> Before { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The network namespace that they are of.</summary>
    public required ulong HostNamespace { get; init; }

    /// <summary>The boot that they are of.</summary>
    public required string BootId { get; init; }
}

/// <summary>The JSON of the files, made at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContainerRecord))]
[JsonSerializable(typeof(NetworkRecord))]
[JsonSerializable(typeof(HostSettings))]
[JsonSerializable(typeof(ContainerOptions))]
internal sealed partial class ContainerJson : JsonSerializerContext;
