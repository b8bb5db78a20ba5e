using Fairlead.Cni.Protocol;
using Fairlead.Linux;

namespace Fairlead.Cni.Plugins;

/// <summary>The options of <c>bridge</c>, with the reference plugin's names and defaults.</summary>
internal sealed record BridgeConfig
{
    private const string DefaultBridge = "cni0";
    private const int SmallestMtu = 68; // RFC 791: what every IPv4 link must carry
    private const int LargestMtu = 65535;

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

    public MacAddress? Mac { get; init; }

    public string IpamType { get; init; } = "";

    public CniDns Dns { get; init; } = CniDns.None;

    public static BridgeConfig Read(PluginCall call)
    {
        var root = call.Config.Root;
        RefuseWhatIsMissing(root);
        var isDefaultGateway = root["isDefaultGateway"].Flag();
        var isGateway = root["isGateway"].Flag();
        var config = new BridgeConfig
        {
            Bridge = root["bridge"].Text() is { Length: > 0 } name ? name : DefaultBridge,
            IsGateway = isGateway || isDefaultGateway,
            IsDefaultGateway = isDefaultGateway,
            ForceAddress = root["forceAddress"].Flag(),
            Masquerade = root["ipMasq"].Flag(),
            Mtu = root["mtu"].Number(0, 0, LargestMtu) is > 0 and var mtu ? mtu : null,
            Hairpin = root["hairpinMode"].Flag(),
            Promiscuous = root["promiscMode"].Flag(),
            PortIsolation = root["portIsolation"].Flag(),
            Mac = ReadMac(call),
            IpamType = call.Config.Ipam["type"].Text(),
            Dns = ResultReader.Dns(root["dns"]),
        };
        if (CniNames.InterfaceNameFault(config.Bridge) is { } fault)
        {
            throw root["bridge"].Fault($"'{config.Bridge}' {fault}");
        }

        if (config.Mtu < SmallestMtu)
        {
            throw root["mtu"].Fault($"{config.Mtu} is less than {SmallestMtu}");
        }

        return config is { Hairpin: true, Promiscuous: true }
            ? throw root["hairpinMode"].Fault("cannot be set together with promiscMode")
            : config;
    }

    /// <summary>An option without an effect would be a trap: better a refusal.</summary>
    private static void RefuseWhatIsMissing(ConfigNode root)
    {
        if (root["vlan"].Number(0, 0, 4094) != 0)
        {
            throw CniException.NotImplemented("vlan", "leave it out, or use the reference plugin for this network");
        }

        if (root["vlanTrunk"].Items().Any())
        {
            throw CniException.NotImplemented("vlanTrunk", "leave it out, or use the reference plugin for this network");
        }

        foreach (var key in (ReadOnlySpan<string>)["macspoofchk", "enabledad", "disableContainerInterface"])
        {
            if (root[key].Flag())
            {
                throw CniException.NotImplemented(key, "leave it out, or use the reference plugin for this network");
            }
        }

        if (root["ipMasqBackend"].Text("nftables") is not ("nftables" or "") and var backend)
        {
            throw backend == "iptables"
                ? CniException.NotImplemented("ipMasqBackend: iptables", "leave it out; nftables does the same")
                : root["ipMasqBackend"].Fault($"'{backend}' is neither iptables nor nftables");
        }
    }

    /// <summary>The runtime's address wins over the user's, and that over CNI_ARGS.</summary>
    private static MacAddress? ReadMac(PluginCall call)
    {
        foreach (var node in (ReadOnlySpan<ConfigNode>)[call.Config.Runtime["mac"], call.Config.CniArgs["mac"]])
        {
            if (node.Text() is { Length: > 0 } text)
            {
                return MacAddress.TryParse(text, null, out var mac) ? mac : throw node.Fault($"'{text}' is no hardware address");
            }
        }

        return call.Environment.Arguments["MAC"] is not { Length: > 0 } argument ? null
            : MacAddress.TryParse(argument, null, out var parsed) ? parsed
            : throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_ARGS: MAC: '{argument}' is no hardware address");
    }
}
