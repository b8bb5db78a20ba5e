namespace Fairlead.Lab.Pods.Files;

/// <summary>Gives a volume to a pod's <c>fsGroup</c> as kubelet does, so that a container that is not root can use it.</summary>
internal static class VolumeGroup
{
    public const UnixFileMode Read = UnixFileMode.UserRead | UnixFileMode.GroupRead;

    public const UnixFileMode ReadAndWrite = Read | UnixFileMode.UserWrite | UnixFileMode.GroupWrite;

    /// <summary>Rights are only added. What is made in a folder later belongs to the group too.</summary>
    public static void Give(string folder, uint group, UnixFileMode access)
    {
        Give(folder, group, access, isFolder: true);
        foreach (var entry in new DirectoryInfo(folder).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
        {
            Give(entry.FullName, group, access, entry is DirectoryInfo);
        }
    }

    private static void Give(string path, uint group, UnixFileMode access, bool isFolder)
    {
        Libc.ChangeGroup(path, group);   // before the mode: a change of the group may take the set-group bit away
        var folderBits = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.SetGroup;
        File.SetUnixFileMode(path, File.GetUnixFileMode(path) | access | (isFolder ? folderBits : UnixFileMode.None));
    }
}
