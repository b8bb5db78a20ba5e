using System.Collections.Immutable;
using Fairlead.Topology.Kernel;

namespace Fairlead.Topology.State;

/// <summary>The machine's own settings, which a topology borrows: what each was before, and who needs it still.</summary>
internal static class MachineSettings
{
    private static readonly string s_bootIdFile = "/proc/sys/kernel/random/boot_id";

    public static string Boot() => File.ReadAllText(s_bootIdFile).Trim();

    /// <summary>Whether a setting is the machine's and not that of an interface, which goes with the interface.</summary>
    public static bool IsBorrowed(string key) => !key.StartsWith("net/ipv4/conf/", StringComparison.Ordinal);

    /// <summary>What has to be put back when a topology ends. After a boot that is only what its own files set at the boot.</summary>
    public static ImmutableSortedDictionary<string, string> FormerOf(TopologyRecord? record)
        => record is not null && (record.Boot == Boot() || !record.Persisted.IsEmpty) ? record.Former : HostState.NoSettings;

    /// <summary>What was before, with what is now of the settings that are about to change.</summary>
    public static ImmutableSortedDictionary<string, string> Borrow(
        ImmutableSortedDictionary<string, string> former, ImmutableSortedDictionary<string, string> wanted, ImmutableSortedDictionary<string, string> now)
        => former.SetItems(wanted.Where(w => IsBorrowed(w.Key) && !former.ContainsKey(w.Key) && now.TryGetValue(w.Key, out var value) && value != w.Value)
            .Select(w => KeyValuePair.Create(w.Key, now[w.Key])));

    /// <summary>Parts what nobody else needs, to be put back, from what another topology needs, which inherits what was before.</summary>
    public static (ImmutableSortedDictionary<string, string> PutBack, ImmutableArray<TopologyRecord> Heirs) Release(
        TopologyStore? store, string name, ImmutableSortedDictionary<string, string> former)
    {
        var others = former.IsEmpty || store is null ? [] : store.Names().Where(n => n != name).Select(store.Read).OfType<TopologyRecord>().ToList();
        var putBack = former;
        var heirs = new Dictionary<string, TopologyRecord>(StringComparer.Ordinal);
        foreach (var (key, value) in former)
        {
            if (others.FirstOrDefault(o => o.Settings.ContainsKey(key)) is { } other)
            {
                var heir = heirs.GetValueOrDefault(other.Name) ?? other;
                heirs[other.Name] = heir with { Former = heir.Former.ContainsKey(key) ? heir.Former : heir.Former.SetItem(key, value) };
                putBack = putBack.Remove(key);
            }
        }

        return (putBack, [.. heirs.Values]);
    }
}
