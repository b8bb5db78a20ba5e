using System.Collections.Immutable;
using System.Net;
using System.Text.Json;

namespace Fairlead.Cni.Protocol;

/// <summary>What an ADD made: interfaces, addresses, routes and name servers.</summary>
/// <remarks>Independent of the specification's version; <see cref="ResultReader"/> and <see cref="ResultWriter"/> know each version's form.</remarks>
public sealed record CniResult
{
    /// <summary>The interfaces, of the host and of the container.</summary>
    public ImmutableArray<CniInterface> Interfaces { get; init; } = [];

    /// <summary>The container's addresses.</summary>
    public ImmutableArray<CniAddress> Addresses { get; init; } = [];

    /// <summary>The container's routes.</summary>
    public ImmutableArray<CniRoute> Routes { get; init; } = [];

    /// <summary>What the network says of name servers; the runtime decides whether it uses it.</summary>
    public CniDns Dns { get; init; } = CniDns.None;

    /// <summary>The result as JSON, in the newest form.</summary>
    public string ToJson() => ResultWriter.ToJson(this, CniVersion.Newest);

    /// <summary>The result as JSON, in the form of a version of the specification.</summary>
    /// <exception cref="CniException">The version is not spoken here.</exception>
    public string ToJson(string version) => ResultWriter.ToJson(this, CniVersion.Parse(version));

    /// <summary>Reads a result of any version, by its <c>cniVersion</c>.</summary>
    /// <exception cref="CniException">The text is no result.</exception>
    public static CniResult Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            var reader = new Utf8JsonReader(json);
            using var document = JsonDocument.ParseValue(ref reader);
            return ResultReader.Read(new ConfigNode(document.RootElement, "result"));
        }
        catch (JsonException e)
        {
            throw new CniException(CniErrorCode.Decoding, $"result: {e.Message}", inner: e);
        }
    }
}

/// <summary>An interface that a plugin made or uses.</summary>
/// <param name="Name">The interface's name.</param>
/// <param name="Mac">Its hardware address.</param>
/// <param name="Sandbox">The path of the namespace that it is in; empty for the host's.</param>
/// <param name="Mtu">Its MTU, where known.</param>
/// <param name="SocketPath">The socket of an interface that is one.</param>
/// <param name="PciId">The PCI address of a device.</param>
public sealed record CniInterface(
    string Name, string Mac = "", string Sandbox = "", int? Mtu = null, string SocketPath = "", string PciId = "");

/// <summary>An address of the container.</summary>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">The length of its network's prefix.</param>
/// <param name="Gateway">The gateway of its network.</param>
/// <param name="Interface">The index of its interface in the result.</param>
public sealed record CniAddress(IPAddress Address, int PrefixLength, IPAddress? Gateway = null, int? Interface = null)
{
    /// <summary>The network that the address is in.</summary>
    public IPNetwork Network => AddressText.NetworkOf(Address, PrefixLength);

    /// <inheritdoc/>
    public override string ToString() => $"{Address}/{PrefixLength}";
}

/// <summary>A route in the container.</summary>
/// <param name="Destination">Where to.</param>
/// <param name="Gateway">By which router; none means the gateway of the address of the same family.</param>
public sealed record CniRoute(IPNetwork Destination, IPAddress? Gateway = null)
{
    /// <summary>The MTU of the path.</summary>
    public int? Mtu { get; init; }

    /// <summary>The segment size to announce.</summary>
    public int? AdvertisedMss { get; init; }

    /// <summary>The metric.</summary>
    public int? Priority { get; init; }

    /// <summary>The routing table.</summary>
    public int? Table { get; init; }

    /// <summary>The kernel's scope number.</summary>
    public int? Scope { get; init; }
}

/// <summary>Name servers and how to use them.</summary>
public sealed record CniDns(
    ImmutableArray<string> NameServers, string Domain, ImmutableArray<string> Search, ImmutableArray<string> Options)
{
    /// <summary>Nothing said.</summary>
    public static readonly CniDns None = new([], "", [], []);

    /// <summary>Whether nothing is said.</summary>
    public bool IsEmpty => NameServers.IsEmpty && Domain.Length == 0 && Search.IsEmpty && Options.IsEmpty;
}
