using System.Net;

namespace Fairlead.Lab;

/// <summary>What a person asked of <c>fairlead up</c>.</summary>
public sealed record LabOptions
{
    /// <summary>The name of the lab: an RFC 1123 label of at most <see cref="LongestName"/> characters.</summary>
    public string Name { get; init; } = "default";

    /// <summary>How many nodes the cluster has, 1 to <see cref="MostNodes"/>.</summary>
    public int Nodes { get; init; } = 3;

    /// <summary>The range that pods get their addresses from; each node takes a /24 of it.</summary>
    public string PodCidr { get; init; } = "10.32.0.0/12";

    /// <summary>The range that Services get their cluster addresses from; its tenth address is the cluster DNS.</summary>
    public string ServiceCidr { get; init; } = "10.96.0.0/12";

    /// <summary>The port of the API server on 127.0.0.1; null asks for 6443, or the next free one beside another lab.</summary>
    public int? ApiPort { get; init; }

    /// <summary>Where API objects are kept: null for a file in the lab's folder, <c>memory</c>, or a path.</summary>
    public string? Store { get; init; }

    /// <summary>The service proxy's way into the kernel.</summary>
    public string ProxyMode { get; init; } = "nftables";

    /// <summary>The path between nodes.</summary>
    public string Overlay { get; init; } = "vxlan";

    /// <summary>A file or folder of manifests to apply once the cluster answers.</summary>
    public string? Manifests { get; init; }

    /// <summary>Namespaces, links and files carry the name, so it is kept short.</summary>
    public const int LongestName = 24;

    /// <summary>One machine holds about this many node agents.</summary>
    public const int MostNodes = 32;

    /// <summary>The port that the API server has unless asked otherwise.</summary>
    public const int UsualApiPort = 6443;

    /// <summary>All faults of the options, each naming the flag and the remedy; empty when they make sense.</summary>
    public IReadOnlyList<string> Faults()
    {
        var faults = new List<string>();
        if (!IsName(Name))
        {
            faults.Add(NameFault(Name));
        }

        if (Nodes is < 1 or > MostNodes)
        {
            faults.Add($"--nodes {Nodes}: use a number from 1 to {MostNodes}");
        }

        if (ApiPort is < 1 or > 65535)
        {
            faults.Add($"--api-port {ApiPort}: use a number from 1 to 65535");
        }

        if (ProxyMode != "nftables")
        {
            faults.Add($"--proxy-mode '{ProxyMode}': this version has nftables only");
        }

        if (Overlay != "vxlan")
        {
            faults.Add($"--overlay '{Overlay}': this version has vxlan only");
        }

        AddRangeFaults(faults);
        return faults;
    }

    private void AddRangeFaults(List<string> faults)
    {
        var pods = ParseRange("--pod-cidr", PodCidr, widest: 8, narrowest: 24 - BitsFor(Nodes), $"which leaves {Nodes} nodes a /24 each", faults);
        var services = ParseRange("--service-cidr", ServiceCidr, widest: 8, narrowest: 24, "which leaves room for static and other addresses", faults);
        if (pods is { } p && services is { } s && AddressRange.Overlap(p, s))
        {
            faults.Add($"--pod-cidr {p} and --service-cidr {s} overlap: choose two ranges with no address in common, such as 10.32.0.0/12 and 10.96.0.0/12");
        }
    }

    private static IPNetwork? ParseRange(string flag, string text, int widest, int narrowest, string why, List<string> faults)
    {
        if (!AddressRange.TryParse(text, out var range))
        {
            faults.Add($"{flag} '{text}': write an IPv4 range whose host bits are zero, such as 10.32.0.0/12");
            return null;
        }

        if (range.PrefixLength < widest || range.PrefixLength > narrowest)
        {
            faults.Add($"{flag} {range}: use a prefix from /{widest} to /{narrowest}, {why}");
            return null;
        }

        return range;
    }

    private static int BitsFor(int count) => count <= 1 ? 0 : 32 - System.Numerics.BitOperations.LeadingZeroCount((uint)count - 1);

    /// <summary>Containers of <c>fairlead run</c> are beside the labs.</summary>
    public const string ContainersFolder = "run";

    /// <summary>And so are the networks of <c>fairlead net</c>.</summary>
    public const string TopologiesFolder = "net";

    /// <summary>Whether a lab may have this name; it becomes part of paths and of names in the kernel.</summary>
    internal static bool IsName(string name)
        => name.Length is > 0 and <= LongestName && name is not (ContainersFolder or TopologiesFolder)
            && name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') && name[0] != '-' && name[^1] != '-';

    internal static string NameFault(string name) => name is ContainersFolder or TopologiesFolder
        ? $"--name '{name}': that is the folder of `fairlead {name}`; choose another"
        : $"--name '{name}': use 1 to {LongestName} lower-case letters, digits and '-', with a letter or digit at both ends";
}
