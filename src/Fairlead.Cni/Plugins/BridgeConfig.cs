using Fairlead.Cni.Protocol;
using Fairlead.Linux;

namespace Fairlead.Cni.Plugins;

/// <summary>The options of <c>bridge</c>, with the reference plugin's names and defaults.</summary>
internal sealed record BridgeConfig
{
    private const string DefaultBridge = "cni0";

    public required string Bridge { get; init; }

    public bool IsGateway { get; init; }

    public bool IsDefaultGateway { get; init; }

    /// <summary>Whether another address of the bridge gives way to the gateway's.</summary>
    public bool ForceAddress { get; init; }

    public bool Masquerade { get; init; }

    public int? Mtu { get; init; }

    public bool Hairpin { get; init; }

    public bool Promiscuous { get; init; }

    /// <summary>Whether ports may talk to the bridge only and not to each other.</summary>
    public bool PortIsolation { get; init; }

    /// <summary>Whether frames of a container leave it only with its own hardware address.</summary>
    public bool SpoofCheck { get; init; }

    /// <summary>Whether IPv6 asks the link for another holder of an address before it is used.</summary>
    public bool DetectDuplicates { get; init; }

    /// <summary>Whether the container's end stays down, for somebody else to set up.</summary>
    public bool DisableContainerInterface { get; init; }

    public BridgeVlans Vlans { get; init; } = BridgeVlans.None;

    /// <summary>The host's interface in the containers' VLAN, which has the gateway's addresses; null where the bridge has them, or nobody.</summary>
    public string? GatewayName => IsGateway && Vlans.Id != 0 ? Vlans.GatewayName(Bridge) : null;

    public MacAddress? Mac { get; init; }

    public string IpamType { get; init; } = "";

    public CniDns Dns { get; init; } = CniDns.None;

    public static BridgeConfig Read(PluginCall call)
    {
        var root = call.Config.Root;
        MasqueradeBackend.Verify(root);
        call.Environment.Arguments.RefuseUnknown("MAC");
        var isDefaultGateway = root["isDefaultGateway"].Flag();
        var isGateway = root["isGateway"].Flag();
        var config = new BridgeConfig
        {
            Bridge = root["bridge"].Text() is { Length: > 0 } name ? name : DefaultBridge,
            IsGateway = isGateway || isDefaultGateway,
            IsDefaultGateway = isDefaultGateway,
            ForceAddress = root["forceAddress"].Flag(),
            Masquerade = root["ipMasq"].Flag(),
            Mtu = LinkMtu.Read(root["mtu"]),
            Hairpin = root["hairpinMode"].Flag(),
            Promiscuous = root["promiscMode"].Flag(),
            PortIsolation = root["portIsolation"].Flag(),
            SpoofCheck = root["macspoofchk"].Flag(),
            DetectDuplicates = root["enabledad"].Flag(),
            DisableContainerInterface = root["disableContainerInterface"].Flag(),
            Vlans = BridgeVlans.Read(root),
            Mac = RequestedMac.Read(call),
            IpamType = call.Config.Ipam["type"].Text(),
            Dns = ResultReader.Dns(root["dns"]),
        };
        if (CniNames.InterfaceNameFault(config.Bridge) is { } fault)
        {
            throw root["bridge"].Fault($"'{config.Bridge}' {fault}");
        }

        if (config.DisableContainerInterface && config.IpamType.Length > 0)
        {
            throw root["disableContainerInterface"].Fault("cannot be set together with ipam: an interface that is down has no use for addresses");
        }

        return config is { Hairpin: true, Promiscuous: true }
            ? throw root["hairpinMode"].Fault("cannot be set together with promiscMode")
            : config;
    }
}
