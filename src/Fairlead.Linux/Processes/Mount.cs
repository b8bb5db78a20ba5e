using System.Runtime.InteropServices;

namespace Fairlead.Linux.Processes;

/// <summary>Mounts and their removal, in the mount namespace of the calling thread.</summary>
public static class Mount
{
    private const nuint FlagReadOnly = 1;
    private const nuint FlagNoSetUserId = 2;
    private const nuint FlagNoDevices = 4;
    private const nuint FlagNoExecute = 8;
    private const nuint FlagRemount = 0x20;
    private const nuint FlagBind = 0x1000;
    private const nuint FlagRecursive = 0x4000;
    private const nuint FlagPrivate = 1 << 18;
    private const nuint FlagSlave = 1 << 19;
    private const nuint FlagShared = 1 << 20;
    private const int UnmountDetach = 2;
    private const int UnmountNoFollow = 8;

    /// <summary>Makes a file or folder appear at another place too.</summary>
    public static void Bind(string source, string target, bool readOnly = false, bool recursive = false)
    {
        Call(source, target, null, FlagBind | (recursive ? FlagRecursive : 0), null);
        if (readOnly)
        {
            // A bind mount takes its flags only from a second call.
            Call(source, target, null, FlagBind | FlagRemount | FlagReadOnly, null);
        }
    }

    /// <summary>Mounts a fresh file system without a device: <c>proc</c>, <c>tmpfs</c>, <c>sysfs</c>, <c>mqueue</c>.</summary>
    public static void FileSystem(string type, string target, string? options = null, bool readOnly = false)
        => Call(
            type, target, type,
            FlagNoSetUserId | FlagNoDevices | (type is "tmpfs" ? 0 : FlagNoExecute) | (readOnly ? FlagReadOnly : 0), options);

    /// <summary>Cuts the tree at <paramref name="target"/> off: nothing mounted there is seen elsewhere, nor the reverse.</summary>
    public static void MakePrivate(string target) => Call(null, target, null, FlagPrivate | FlagRecursive, null);

    /// <summary>Mounts made elsewhere are still seen here, but not the reverse.</summary>
    public static void MakeSlave(string target) => Call(null, target, null, FlagSlave | FlagRecursive, null);

    /// <summary>What is mounted here is seen in every copy of the tree made from now on, and the reverse.</summary>
    public static void MakeShared(string target, bool recursive = true) => Call(null, target, null, FlagShared | (recursive ? FlagRecursive : 0), null);

    /// <summary>Takes a mount out of the tree at once; it ends with its last user.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool Detach(string target)
    {
        if (Libc.umount2(target, UnmountDetach | UnmountNoFollow) == 0)
        {
            return true;
        }

        var errno = Marshal.GetLastPInvokeError();
        return errno is Errno.NoEntry or Errno.Invalid ? false : throw new LinuxException($"umount {target}", errno);
    }

    /// <summary>The mounts on a folder and below it, in this mount namespace, the deepest first (proc(5), /proc/PID/mountinfo).</summary>
    public static IReadOnlyList<string> Under(string folder)
        => [.. File.ReadLines("/proc/self/mountinfo")
            .Select(line => Unescape(line.Split(' ')[4]))
            .Where(path => path == folder || path.StartsWith(folder + '/', StringComparison.Ordinal))
            .OrderByDescending(path => path.Length)];

    /// <summary>The mount that a path lies on: the longest mount point that it begins with.</summary>
    public static string PointOf(string path)
        => File.ReadLines("/proc/self/mountinfo")
            .Select(line => Unescape(line.Split(' ')[4]))
            .Where(point => point == "/" || path == point || path.StartsWith(point + '/', StringComparison.Ordinal))
            .MaxBy(point => point.Length) ?? "/";

    /// <summary>The kernel writes blanks and backslashes of a path as three octal digits.</summary>
    private static string Unescape(string path)
        => !path.Contains('\\', StringComparison.Ordinal) ? path
            : path.Replace("\\040", " ", StringComparison.Ordinal).Replace("\\011", "\t", StringComparison.Ordinal)
                .Replace("\\012", "\n", StringComparison.Ordinal).Replace("\\134", "\\", StringComparison.Ordinal);

    private static void Call(string? source, string target, string? type, nuint flags, string? data)
        => LinuxException.ThrowIfFailed(Libc.mount(source, target, type, flags, data), $"mount {source ?? type ?? "propagation"} on {target}");
}
