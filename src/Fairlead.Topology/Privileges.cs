using System.Globalization;

namespace Fairlead.Topology;

/// <summary>What this process may do to networks (capabilities(7)).</summary>
public static class Privileges
{
    /// <summary>Names of the capabilities that are wanted, and their numbers in linux/capability.h.</summary>
    private static readonly (string Name, int Number, string For)[] s_known =
    [
        ("CAP_NET_ADMIN", 12, "interfaces, addresses, routes and rules"),
        ("CAP_NET_RAW", 13, "ping"),
        ("CAP_SYS_ADMIN", 21, "namespaces"),
    ];

    /// <summary>What is missing of some capabilities, as <c>CAP_NET_ADMIN (interfaces, addresses, routes and rules)</c>; null where nothing is.</summary>
    public static string? Missing(params ReadOnlySpan<string> names)
    {
        var effective = ulong.Parse(
            File.ReadLines("/proc/self/status").First(l => l.StartsWith("CapEff:", StringComparison.Ordinal)).AsSpan("CapEff:".Length).Trim(),
            NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var missing = new List<string>();
        foreach (var (name, number, what) in s_known)
        {
            if (names.Contains(name) && (effective & (1UL << number)) == 0)
            {
                missing.Add($"{name} ({what})");
            }
        }

        return missing.Count == 0 ? null : string.Join(" and ", missing);
    }
}
