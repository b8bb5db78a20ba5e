using System.Globalization;
using Fairlead.Kube.State;

namespace Fairlead.Lab.Pods.Files;

/// <summary>Writes the files of a volume so that a reader sees all old ones or all new ones: kubelet's <c>AtomicWriter</c>.</summary>
/// <remarks>
/// The files are in a folder of their own, <c>..data</c> is a link to it, and each name in the volume is a link through <c>..data</c>;
/// a change makes a new folder and renames a new <c>..data</c> over the old one. Programs watch for exactly that.
/// </remarks>
internal static class AtomicFolder
{
    private const string Data = "..data";

    /// <summary>The number in a folder's name only has to be new; kubelet's has the time.</summary>
    /// <param name="folder">The volume.</param>
    /// <param name="files">All its files.</param>
    /// <param name="now">For the new folder's name.</param>
    /// <param name="group">A pod's <c>fsGroup</c>, whose members can read every file whatever its mode.</param>
    public static void Write(string folder, EquatableArray<VolumeFile> files, DateTimeOffset now, uint? group = null)
    {
        Directory.CreateDirectory(folder);
        var data = Path.Combine(folder, Data);
        var old = new FileInfo(data).LinkTarget;
        var name = string.Create(CultureInfo.InvariantCulture, $"..{now.UtcDateTime:yyyy_MM_dd_HH_mm_ss}.{Random.Shared.NextInt64(1_000_000_000, 10_000_000_000)}");
        var next = Path.Combine(folder, name);
        Directory.CreateDirectory(next);
        foreach (var file in files)
        {
            var path = Path.Combine(next, file.Path);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllBytes(path, file.Content.Span);
            File.SetUnixFileMode(path, file.Mode);
        }

        if (group is { } owner)
        {
            VolumeGroup.Give(next, owner, VolumeGroup.Read);
        }

        var link = Path.Combine(folder, "..data_tmp");
        File.Delete(link);
        File.CreateSymbolicLink(link, name);
        Libc.Rename(link, data);

        var wanted = files.Select(f => f.Path.Split('/')[0]).ToHashSet(StringComparer.Ordinal);
        foreach (var entry in wanted.Where(e => new FileInfo(Path.Combine(folder, e)).LinkTarget is null))
        {
            File.CreateSymbolicLink(Path.Combine(folder, entry), $"{Data}/{entry}");
        }

        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos().Where(e => !e.Name.StartsWith("..", StringComparison.Ordinal) && !wanted.Contains(e.Name)))
        {
            entry.Delete();
        }

        if (old is not null)
        {
            Directory.Delete(Path.Combine(folder, old), recursive: true);
        }
    }
}
