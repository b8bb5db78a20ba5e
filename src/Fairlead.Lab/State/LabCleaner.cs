using System.Globalization;
using Fairlead.Lab.Nodes;
using Fairlead.Lab.Pods;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;
using Fairlead.Topology;

namespace Fairlead.Lab.State;

/// <summary>What was removed of a lab that was killed.</summary>
public sealed record Cleaned(int Processes, int Namespaces)
{
    public bool Anything => Processes + Namespaces > 0;

    public override string ToString() => $"{Count(Processes, "process", "processes")} and {Count(Namespaces, "namespace", "namespaces")}";

    private static string Count(int number, string one, string many) => $"{number} {(number == 1 ? one : many)}";
}

/// <summary>Removes what a lab made and could not remove itself.</summary>
/// <remarks>
/// By mark only: namespaces that carry the lab's prefix, the links that are marked as its, processes that are in one of those namespaces
/// <i>and</i> were started from the lab's folder, and the folder itself.
/// </remarks>
public static class LabCleaner
{
    /// <summary>Removes processes, namespaces, links and what is of one run; keeps keys and objects.</summary>
    public static async Task<Cleaned> CleanAsync(LabPaths paths, LabRecord record, TimeProvider time)
    {
        var pods = await PodRuntime.CleanLeftoversAsync(paths.Pods, time, CancellationToken.None);
        var (processes, namespaces) = record.IsOfThisBoot ? await RemoveNetworkAsync(paths, record, time) : (0, 0);
        if (Directory.Exists(paths.Folder))
        {
            File.Delete(paths.ApiSocket);
        }

        DeleteFolder(paths.Run);
        return new Cleaned(pods.Processes + processes, pods.Namespaces + namespaces);
    }

    private static async Task<(int Processes, int Namespaces)> RemoveNetworkAsync(LabPaths paths, LabRecord record, TimeProvider time)
    {
        var prefix = UnderlayPlanner.NamespacePrefix(record.Name);
        var names = NetworkNamespace.List().Where(n => n.StartsWith(prefix, StringComparison.Ordinal)).ToList();
        var processes = await EndProcessesAsync(paths, record, names, time);
        new TopologyReconciler().Delete(UnderlayTopology.Draw(record.Name, record.Underlay()));
        foreach (var name in names)
        {
            NetworkNamespace.Delete(name);
        }

        return (processes, names.Count);
    }

    /// <summary>Removes the lab's folder: nothing of the lab is left.</summary>
    public static void Forget(LabPaths paths) => DeleteFolder(paths.Folder);

    /// <summary>Removes what is of one run of the lab; keys and objects stay.</summary>
    public static void ForgetRun(LabPaths paths) => DeleteFolder(paths.Run);

    /// <summary>A mount in the folder would keep it from going, and deleting through one would delete what is mounted.</summary>
    private static void DeleteFolder(string folder)
    {
        if (Directory.Exists(folder))
        {
            foreach (var mount in Mount.Under(folder))
            {
                Mount.Detach(mount);
            }

            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<int> EndProcessesAsync(LabPaths paths, LabRecord record, IReadOnlyList<string> namespaces, TimeProvider time)
    {
        var inodes = new HashSet<ulong>();
        foreach (var name in namespaces)
        {
            using var network = NetworkNamespace.Open(name);
            inodes.Add(network.Inode);
        }

        var known = record.Agents.Values.Select(a => ProcessHandle.Open(a.ProcessId, a.StartTime)).OfType<ProcessHandle>();
        var found = Directory.GetDirectories("/proc")
            .Select(d => int.TryParse(Path.GetFileName(d), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && IsOurs(id, paths, inodes))
            .Select(ProcessHandle.Open).OfType<ProcessHandle>();
        var all = known.Concat(found).DistinctBy(p => p.Id).ToList();
        await Task.WhenAll(all.Select(async process =>
        {
            using (process)
            {
                await process.StopAsync(TimeSpan.Zero, time);
            }
        }));
        return all.Count;
    }

    /// <summary>In one of the lab's namespaces, and of the lab's folder by its command line or its environment.</summary>
    private static bool IsOurs(int id, LabPaths paths, HashSet<ulong> inodes)
    {
        try
        {
            using var network = NetworkNamespace.OpenProcess(id);
            var folder = paths.Folder + "/";
            return inodes.Contains(network.Inode)
                && (File.ReadAllText($"/proc/{id}/cmdline").Contains(folder, StringComparison.Ordinal)
                    || File.ReadAllText($"/proc/{id}/environ").Contains($"FAIRLEAD_LAB={paths.Folder}\0", StringComparison.Ordinal));
        }
        catch (IOException)
        {
            return false;   // it ended while we looked
        }
        catch (UnauthorizedAccessException)
        {
            return false;
        }
    }
}
