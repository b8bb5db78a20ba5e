using System.Globalization;

namespace Fairlead.Topology.Containers;

/// <summary>What a process must be allowed to, to make containers.</summary>
internal static class Privilege
{
    // linux/capability.h
    private const int NetAdmin = 12;
    private const int SysAdmin = 21;

    /// <summary>Refuses at once, and says what is missing, where the kernel would refuse later.</summary>
    public static void Check()
    {
        var line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        var effective = ulong.Parse(line["CapEff:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        var missing = new[] { (NetAdmin, "CAP_NET_ADMIN"), (SysAdmin, "CAP_SYS_ADMIN") }.Where(c => (effective & (1UL << c.Item1)) == 0).Select(c => c.Item2).ToList();
        if (missing.Count > 0)
        {
            throw new ContainerException($"{string.Join(" and ", missing)} {(missing.Count == 1 ? "is" : "are")} missing: containers are namespaces, links and rules", "run it as root, with sudo");
        }
    }
}
