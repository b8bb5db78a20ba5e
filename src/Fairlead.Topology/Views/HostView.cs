using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fairlead.Topology.Views;

/// <summary>The network of one namespace, as it is: for people and for programs.</summary>
public sealed record HostView(
    string Name,
    ImmutableArray<InterfaceView> Interfaces,
    ImmutableArray<RouteView> Routes,
    ImmutableArray<NeighbourView> Neighbours,
    ForwardingView Forwarding,
    ImmutableArray<RuleView> Rules)
{
    public string ToJson() => JsonSerializer.Serialize(this, HostViewJson.Default.HostView);
}

/// <summary>An interface.</summary>
/// <param name="Master">The switch it is plugged into.</param>
/// <param name="Peer">The other end of its cable, or the interface below.</param>
/// <param name="Owner">The topology it is of.</param>
public sealed record InterfaceView(
    string Name, string Kind, string? Mac, string State, int Mtu, string? Master, string? Peer, ImmutableArray<string> Addresses, string? Owner);

/// <summary>A route of the main table.</summary>
public sealed record RouteView(string Destination, string? Via, string? Interface, string? Source, uint Metric, string Protocol);

/// <summary>An entry of the ARP or neighbour table.</summary>
public sealed record NeighbourView(string Address, string? Mac, string? Interface, string State);

/// <summary>Whether packets pass from one interface to another.</summary>
/// <param name="IPv6">Null where the kernel has no IPv6.</param>
public sealed record ForwardingView([property: JsonPropertyName("ipv4")] bool IPv4, [property: JsonPropertyName("ipv6")] bool? IPv6);

/// <summary>A rule that changes addresses.</summary>
/// <param name="Rule">In nft's words.</param>
/// <param name="Comment">What it is for, where its author says so.</param>
public sealed record RuleView(string Table, string Chain, string Rule, string? Comment, ulong? Packets, ulong? Bytes);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(HostView))]
internal sealed partial class HostViewJson : JsonSerializerContext;
