using System.Globalization;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Processes;

namespace Fairlead.Lab.Pods.Leftovers;

/// <summary>What <see cref="PodRuntime.CleanLeftoversAsync"/> removed.</summary>
public sealed record LeftoverReport(int Processes, int Namespaces, int Mounts)
{
    public bool IsEmpty => this is { Processes: 0, Namespaces: 0, Mounts: 0 };

    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{Processes} processes, {Namespaces} network namespaces, {Mounts} mounts");
}

/// <summary>Removes what the pods of a killed lab left on the machine.</summary>
internal static class LeftoverCleaner
{
    private static readonly TimeSpan s_ending = TimeSpan.FromSeconds(5);

    public static async Task<LeftoverReport> CleanAsync(string stateDirectory, TimeProvider time, CancellationToken ct)
    {
        if (!Directory.Exists(Path.Combine(stateDirectory, LeftoverRegistry.FolderName)))
        {
            return new LeftoverReport(0, 0, 0);
        }

        var registry = new LeftoverRegistry(stateDirectory);
        var namespaces = registry.Namespaces().ToList();
        var (processes, stubborn) = await KillAsync(registry.Processes(), namespaces, time, ct);
        var deleted = namespaces.Count(NetworkNamespace.Delete);

        // Inner mounts before outer ones.
        var mounts = registry.Mounts().OrderByDescending(m => m, StringComparer.Ordinal).Count(Mount.Detach);
        var pods = Path.Combine(stateDirectory, PodFolder.Pods);
        if (Directory.Exists(pods))
        {
            Directory.Delete(pods, recursive: true);
        }

        if (stubborn.Count > 0)
        {
            throw new IOException($"processes of the lab's pods do not end, though they were killed: {string.Join(", ", stubborn)}"); // and the registry still names them
        }

        registry.Clear();

        return new LeftoverReport(processes, deleted, mounts);
    }

    private static async Task<(int Ended, List<int> Stubborn)> KillAsync(IEnumerable<(int Id, ulong StartTime)> recorded, List<string> namespaces, TimeProvider time, CancellationToken ct)
    {
        var found = recorded.Select(p => ProcessHandle.Open(p.Id, p.StartTime)).OfType<ProcessHandle>().ToList();

        // A process whose start was not noted in time is known by the namespace it is in: nothing else lives there.
        var inodes = namespaces.Where(NetworkNamespace.Exists).Select(InodeOf).ToHashSet();
        found.AddRange(ProcessesIn(inodes).Where(p => found.All(f => f.Id != p.Id)));
        try
        {
            foreach (var process in found)
            {
                _ = process.Kill();
            }

            // One that hangs in the kernel keeps neither the others nor what they used from going.
            await ((Task)Task.WhenAll(found.Select(p => p.WaitAsync(ct)))).WaitAsync(s_ending, time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
            var stubborn = found.Where(p => p.IsAlive).Select(p => p.Id).ToList();
            return (found.Count - stubborn.Count, stubborn);
        }
        finally
        {
            found.ForEach(p => p.Dispose());
        }
    }

    private static ulong InodeOf(string name)
    {
        using var ns = NetworkNamespace.Open(name);
        return ns.Inode;
    }

    private static IEnumerable<ProcessHandle> ProcessesIn(HashSet<ulong> inodes)
    {
        if (inodes.Count == 0)
        {
            yield break;
        }

        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && NamespaceOf(id) is { } inode && inodes.Contains(inode)
                && ProcessHandle.Open(id) is { } process)
            {
                yield return process;
            }
        }
    }

    /// <summary>The number in <c>net:[4026531840]</c>.</summary>
    private static ulong? NamespaceOf(int id)
    {
        try
        {
            var link = new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/ns/net")).LinkTarget;
            return link is not null && ulong.TryParse(link.AsSpan(5, link.Length - 6), NumberStyles.None, CultureInfo.InvariantCulture, out var inode) ? inode : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
