using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Ipam;

/// <summary>Addresses that the configuration, or the runtime, says outright.</summary>
internal sealed class StaticPlugin : IPlugin
{
    public CniResult Add(PluginCall call)
    {
        // No address is fine: routes and name servers may be all that is asked for. A plugin that needs one says so.
        var ipam = Ipam(call);
        return new CniResult
        {
            Addresses = Addresses(call, ipam),
            Routes = [.. ipam["routes"].Items().Select(ResultReader.Route)],
            Dns = ResultReader.Dns(ipam["dns"]),
        };
    }

    public void Delete(PluginCall call)
    {
        // Nothing is kept of it.
    }

    public void Check(PluginCall call)
    {
        var present = call.Config.Previous!.Addresses;
        foreach (var address in Addresses(call, Ipam(call)))
        {
            if (!present.Any(p => p.Address.Equals(address.Address) && p.PrefixLength == address.PrefixLength
                && (address.Gateway is null || address.Gateway.Equals(p.Gateway))))
            {
                throw new CniException(CniErrorCode.AttachmentChanged, $"prevResult does not have the address {address}");
            }
        }
    }

    public void Status(PluginCall call) => _ = Addresses(call, Ipam(call));

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
    {
        // Nothing is kept of it.
    }

    private static ConfigNode Ipam(PluginCall call) => call.Config.Ipam is { Exists: true } ipam ? ipam : throw call.Config.Ipam.Fault("is missing");

    /// <summary>The configuration's and those of CNI_ARGS; the user's in their place, and the runtime's in the place of both.</summary>
    private static ImmutableArray<CniAddress> Addresses(PluginCall call, ConfigNode ipam)
    {
        var config = call.Config;
        call.Environment.Arguments.RefuseUnknown("IP", "GATEWAY");
        ImmutableArray<CniAddress> addresses =
        [
            .. ipam["addresses"].Items().Select(item =>
            {
                var (address, length) = item["address"].AddressAndPrefix() ?? throw item["address"].Fault("is missing");
                return new CniAddress(address, length, item["gateway"].Address());
            }),
        ];
        addresses = WithArguments(addresses, call.Environment.Arguments);
        foreach (var list in (ReadOnlySpan<ConfigNode>)[config.CniArgs["ips"], config.Runtime["ips"]])
        {
            if (list.Items().Any())
            {
                addresses = [.. list.Items().Select(item =>
                {
                    var (address, length) = item.AddressAndPrefix() ?? throw item.Fault("is empty");
                    return new CniAddress(address, length);
                })];
            }
        }

        return config.Version < CniVersion.V030 && addresses.GroupBy(a => AddressText.IsIPv4(a.Address)).Any(family => family.Count() > 1)
            ? throw ipam["addresses"].Fault($"version {config.Version} cannot say more than one address of a family", CniErrorCode.IncompatibleVersion)
            : addresses;
    }

    private static ImmutableArray<CniAddress> WithArguments(ImmutableArray<CniAddress> addresses, CniArguments arguments)
    {
        foreach (var text in Words(arguments["IP"]))
        {
            addresses = AddressText.TryParseWithPrefix(text, out var address, out var length)
                ? addresses.Add(new CniAddress(address, length))
                : throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_ARGS: IP: '{text}' is no address with a prefix length, as 10.1.2.3/24 is");
        }

        foreach (var text in Words(arguments["GATEWAY"]))
        {
            if (!AddressText.TryParse(text, out var gateway))
            {
                throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_ARGS: GATEWAY: '{text}' is no IP address");
            }

            addresses = [.. addresses.Select(a => Has(a, gateway) ? a with { Gateway = gateway } : a)];
        }

        return addresses;
    }

    private static bool Has(CniAddress address, IPAddress gateway)
        => AddressText.IsIPv4(address.Address) == AddressText.IsIPv4(gateway) && address.Network.Contains(gateway);

    private static string[] Words(string? text)
        => text?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [];
}
