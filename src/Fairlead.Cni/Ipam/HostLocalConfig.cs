using System.Collections.Immutable;
using System.Net;
using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Ipam;

/// <summary>The options of <c>host-local</c>.</summary>
internal sealed record HostLocalConfig(
    ImmutableArray<RangeSet> RangeSets,
    ImmutableArray<CniRoute> Routes,
    ImmutableArray<IPAddress> Requested,
    ImmutableArray<IPNetwork> Excluded,
    string Folder,
    string ResolvConf)
{
    /// <summary>The annotation of a pod that asks for addresses, and the capability by which runtimes hand annotations on.</summary>
    private const string Annotation = "fairlead.dev/ip";
    private const string Annotations = "io.kubernetes.cri.pod-annotations";
    private const string DefaultDataDirectory = "/var/lib/cni/networks";

    public static HostLocalConfig Read(PluginCall call)
    {
        var config = call.Config;
        var ipam = config.Ipam;
        if (!ipam.Exists)
        {
            throw ipam.Fault("is missing");
        }

        // The runtime's ranges come first, then the short form, then the list: so does the reference plugin.
        var sets = ImmutableArray.CreateBuilder<RangeSet>();
        sets.AddRange(config.Runtime["ipRanges"].Items().Select(RangeSet.Read));
        if (ipam["subnet"].Exists)
        {
            sets.Add(new RangeSet([AddressRange.Read(ipam)]));
        }

        sets.AddRange(ipam["ranges"].Items().Select(RangeSet.Read));
        Verify(sets, ipam, config.Version);

        var data = ipam["dataDir"].Text() is { Length: > 0 } given ? given : DefaultDataDirectory;
        return new HostLocalConfig(
            sets.ToImmutable(),
            [.. ipam["routes"].Items().Select(ResultReader.Route)],
            Requests(call),
            [.. ipam["exclude"].Items().Select(ReadExclusion)],
            Path.Combine(data, config.Name),
            ipam["resolvConf"].Text());
    }

    /// <summary>Whether no container may get an address, though it is in a range.</summary>
    public bool IsExcluded(IPAddress address) => Excluded.Any(network => AddressText.IsIPv4(network.BaseAddress) == AddressText.IsIPv4(address) && network.Contains(address));

    private static void Verify(ImmutableArray<RangeSet>.Builder sets, ConfigNode ipam, CniVersion version)
    {
        if (sets.Count == 0)
        {
            throw ipam["ranges"].Fault("no range is given, neither here nor as ipam.subnet");
        }

        for (var i = 0; i < sets.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                var overlap = sets[i].Ranges.FirstOrDefault(range => sets[j].Ranges.Any(range.Overlaps));
                if (overlap is not null)
                {
                    throw ipam["ranges"].Fault($"range sets {j} and {i} overlap in {overlap}");
                }
            }
        }

        if (version < CniVersion.V030 && sets.GroupBy(s => s.IsIPv4).Any(family => family.Count() > 1))
        {
            throw ipam["ranges"].Fault($"version {version} cannot say more than one address of a family", CniErrorCode.IncompatibleVersion);
        }
    }

    /// <summary>Addresses asked for: by <c>IP</c> in CNI_ARGS, <c>args.cni.ips</c>, the capability <c>ips</c> and the pod's annotation.</summary>
    private static ImmutableArray<IPAddress> Requests(PluginCall call)
    {
        var requested = ImmutableArray.CreateBuilder<IPAddress>();
        foreach (var argument in call.Environment.Arguments["IP"]?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [])
        {
            requested.Add(AddressText.TryParse(Bare(argument), out var address)
                ? address
                : throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_ARGS: IP: '{argument}' is no IP address"));
        }

        foreach (var node in call.Config.CniArgs["ips"].Items().Concat(call.Config.Runtime["ips"].Items()))
        {
            var text = node.Text();
            requested.Add(AddressText.TryParse(Bare(text), out var address) ? address : throw node.Fault($"'{text}' is no IP address"));
        }

        foreach (var word in call.Config.Runtime[Annotations][Annotation].Text().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            requested.Add(AddressText.TryParse(word, out var address)
                ? address
                : throw new CniException(CniErrorCode.InvalidNetworkConfig, $"annotation {Annotation}: '{word}' is no IP address"));
        }

        return requested.ToImmutable();
    }

    /// <summary>Runtimes write the prefix length with it or leave it out; it is the range's.</summary>
    private static string Bare(string text) => text.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash ? text[..slash] : text;

    /// <summary>A network, or one address; the reference has no such option.</summary>
    private static IPNetwork ReadExclusion(ConfigNode node)
        => node.Text().Contains('/', StringComparison.Ordinal) ? node.Network()!.Value
            : node.Address() is { } address ? new IPNetwork(address, AddressText.Bits(address))
            : throw node.Fault("is empty");
}
