using System.Globalization;
using System.Runtime.InteropServices;
using Fairlead.Linux.Processes;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Namespaces;

/// <summary>The folder of named network namespaces: files with a namespace mounted on each.</summary>
/// <remarks>
/// The folder is a shared mount on itself, made as <c>ip netns</c> makes it, so that names made in one mount namespace are seen in
/// all. Every change is made under a lock on the folder, the same that newer versions of <c>ip netns</c> take: without it two
/// processes would each mount the folder on itself, and the names under the first mount would be hidden.
/// </remarks>
internal static class NamedNamespaces
{
    /// <summary>f_type of the file system that namespaces live in (linux/magic.h).</summary>
    private const long NamespaceFileSystem = 0x6e736673;

    private const long ProcFileSystem = 0x9fa0;

    /// <summary>Whether a namespace is mounted on the file, which a leftover of a killed creation has not.</summary>
    internal static bool IsMounted(string path) => FileSystemOf(path) == NamespaceFileSystem;

    internal static SafeFileHandle Open(string path)
    {
        // A pipe without a writer would be waited for.
        const int NonBlocking = 0x800; // fcntl.h: O_NONBLOCK
        var handle = Libc.Handle(Libc.open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec | NonBlocking, 0), $"open network namespace {path}");
        if (FileSystemOf(path) is not (NamespaceFileSystem or ProcFileSystem))
        {
            handle.Dispose();
            throw new LinuxException($"open network namespace {path}", Errno.Invalid, "a file with no namespace mounted on it");
        }

        // Other kinds of namespaces look the same from outside; on /proc itself the question is refused.
        if (Libc.ioctl(handle, Libc.NamespaceType, 0) != Libc.CloneNewNet)
        {
            handle.Dispose();
            throw new LinuxException($"open network namespace {path}", Errno.Invalid, "not a network namespace");
        }

        return handle;
    }

    /// <summary>Mounts the calling thread's network namespace on the file, unless one has come there meanwhile.</summary>
    /// <returns>Whether it is the calling thread's that is mounted there now.</returns>
    internal static bool MountCurrent(string path)
    {
        _ = Directory.CreateDirectory(NetworkNamespace.Root);
        using var folder = Lock();
        ShareFolder();
        if (IsMounted(path))
        {
            return false;
        }

        // An empty file left by a creation that was killed here is as good as a new one.
        Libc.Handle(Libc.open(path, Libc.OpenReadOnly | Libc.OpenCreate | Libc.OpenCloseOnExec, 0), $"create {path}").Dispose();
        try
        {
            Mount.Bind("/proc/thread-self/ns/net", path);
        }
        catch
        {
            _ = Libc.unlink(path);
            throw;
        }

        return true;
    }

    internal static bool Delete(string path)
    {
        if (!Directory.Exists(NetworkNamespace.Root))
        {
            return false;
        }

        using var folder = Lock();
        var existed = false;

        // More than one may be mounted on it, one over the other, where two tools created the same name at once.
        while (IsMounted(path))
        {
            existed = true;
            Mount.Detach(path);
        }

        _ = Unlink(path);
        return existed;
    }

    internal static bool DeleteLeftover(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        // Whoever is about to mount a namespace on it holds the lock.
        using var folder = Lock();
        return !IsMounted(path) && Unlink(path);
    }

    private static bool Unlink(string path)
    {
        if (Libc.unlink(path) == 0)
        {
            return true;
        }

        var errno = Marshal.GetLastPInvokeError();
        return errno == Errno.NoEntry ? false : throw new LinuxException($"unlink {path}", errno);
    }

    internal static IReadOnlyList<string> List()
        => Directory.Exists(NetworkNamespace.Root)
            ? [.. Directory.EnumerateFiles(NetworkNamespace.Root).Where(IsMounted).Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)]
            : [];

    internal static IReadOnlyList<NamespaceEntry> ListAll()
    {
        var found = new SortedDictionary<ulong, (List<string> Names, List<int> Processes)>();
        foreach (var name in List())
        {
            try
            {
                var path = $"{NetworkNamespace.Root}/{name}";
                using var handle = Open(path);
                Of(NetworkNamespace.InodeOf(handle, path)).Names.Add(name);
            }
            catch (LinuxException)
            {
                // Gone since it was listed.
            }
        }

        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            // The link reads net:[4026531840].
            if (int.TryParse(Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid)
                && TargetOf($"{folder}/ns/net") is ['n', 'e', 't', ':', '[', .. var digits, ']']
                && ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var inode))
            {
                Of(inode).Processes.Add(pid);
            }
        }

        return [.. found.Select(f => new NamespaceEntry(f.Key, [.. f.Value.Names.Order(StringComparer.Ordinal)], [.. f.Value.Processes.Order()]))];

        (List<string> Names, List<int> Processes) Of(ulong inode)
        {
            if (!found.TryGetValue(inode, out var entry))
            {
                found[inode] = entry = ([], []);
            }

            return entry;
        }
    }

    private static string TargetOf(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget ?? "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static SafeFileHandle Lock()
    {
        var folder = Libc.Handle(
            Libc.open(NetworkNamespace.Root, Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec, 0), $"open {NetworkNamespace.Root}");
        int result;
        do
        {
            result = Libc.flock(folder, Libc.LockExclusive);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == Errno.Interrupted);

        _ = LinuxException.ThrowIfFailed(result, $"lock {NetworkNamespace.Root}");
        return folder;
    }

    private static void ShareFolder()
    {
        try
        {
            // Not its mounts too: there may be thousands, and each was shared when it came.
            Mount.MakeShared(NetworkNamespace.Root, recursive: false);
        }
        catch (LinuxException e) when (e.Errno == Errno.Invalid)
        {
            // Not a mount yet.
            Mount.Bind(NetworkNamespace.Root, NetworkNamespace.Root, recursive: true);
            Mount.MakeShared(NetworkNamespace.Root);
        }
    }

    private static unsafe long FileSystemOf(string path)
    {
        // struct statfs begins with f_type, a long, on the machines we build for.
        var buffer = stackalloc long[32];
        return Libc.statfs(path, buffer) < 0 ? 0 : buffer[0];
    }
}
