using System.Security.Cryptography;

namespace Fairlead.Topology.Containers;

/// <summary>The networks that are always there.</summary>
public static class NetworkNames
{
    /// <summary>Nothing but the loopback.</summary>
    public const string None = "none";

    /// <summary>The network of the host itself.</summary>
    public const string Host = "host";

    /// <summary>The bridge that is used where none is named.</summary>
    public const string Bridge = "bridge";

    /// <summary>Whether containers of it are ports of a bridge.</summary>
    public static bool IsBridge(string network) => network is not (None or Host);

    /// <summary>Whether it is one of the three that nobody creates or removes.</summary>
    public static bool IsPredefined(string network) => network is None or Host or Bridge;
}

/// <summary>Names and ids of containers and networks, and what is derived from them.</summary>
internal static class Naming
{
    /// <summary>A name is one label of a DNS name at most, because members of a network find each other by it.</summary>
    public const int LongestName = 63;

    /// <summary>The link group of everything we make, which the kernel takes with the creation itself: there is no moment without the mark.</summary>
    public const uint LinkGroup = 0x66_72_75_6e; // "frun"

    public const string Table = "fairlead-run";

    public const string DefaultBridge = "fairlead0";

    private static readonly string[] s_qualities =
        ["bold", "brisk", "calm", "clear", "deep", "fair", "fresh", "keen", "lively", "quiet", "steady", "still", "swift", "trim", "wide", "windy"];

    private static readonly string[] s_things =
        ["anchor", "beacon", "bollard", "buoy", "cleat", "current", "gull", "harbour", "hawser", "keel", "lantern", "mast", "pier", "rudder", "shoal", "tide"];

    public static string NewId() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    /// <summary>The part of an id that people use.</summary>
    public static string Short(string id) => id[..12];

    public static string NewName()
        => $"{s_qualities[RandomNumberGenerator.GetInt32(s_qualities.Length)]}-{s_things[RandomNumberGenerator.GetInt32(s_things.Length)]}-{RandomNumberGenerator.GetHexString(3, lowercase: true)}";

    /// <summary>As <c>ip netns</c> lists it.</summary>
    public static string Namespace(string container) => $"fairlead.run.{container}";

    /// <summary>The alternative name of a container's end of the cable on the host.</summary>
    public static string LinkMark(string container) => $"fairlead.run.{container}";

    public static string BridgeMark(string network) => $"fairlead.run.network.{network}";

    public static string VethOf(string id) => $"veth{id[..10]}";

    public static string BridgeOf(string network, string id) => network == NetworkNames.Bridge ? DefaultBridge : $"fl-{Short(id)}";

    /// <summary>Refuses what cannot be a name; <paramref name="what"/> says of what.</summary>
    public static void Check(string what, string name)
    {
        if (name.Length is < 2 or > LongestName || !char.IsAsciiLetterOrDigit(name[0]) || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-'))
        {
            throw ContainerException.Usage($"{what} '{name}': use 2 to {LongestName} letters, digits, '_', '.' and '-', with a letter or digit first");
        }
    }

    /// <summary>Refuses what cannot be a host's name (RFC 1123 §2.1).</summary>
    public static void CheckHost(string what, string name)
    {
        var labels = name.Split('.');
        if (name.Length is 0 or > LongestName || labels.Any(l => l.Length == 0 || l[0] == '-' || l[^1] == '-' || !l.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')))
        {
            throw ContainerException.Usage($"{what} '{name}': use up to {LongestName} letters, digits and '-', in parts separated by '.'");
        }
    }
}
