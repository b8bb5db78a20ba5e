using System.Runtime.InteropServices;
using Fairlead.Linux;

namespace Fairlead.Cni.Launcher;

/// <summary>A container's own /dev: the devices that every program counts on, and none of the host's.</summary>
/// <remarks>
/// It is read-only once made. There is no device cgroup here, so a container that may make device nodes must have no place to
/// open them: every other mount forbids devices.
/// </remarks>
internal static class DeviceFolder
{
    private const uint ReadAndWriteForAll = 0x1b6; // rw-rw-rw-

    public static void Mount(string target)
    {
        ContainerRoot.Mount("tmpfs", ContainerRoot.Ensure(target), "tmpfs", Libc.MountNoSetUserId | Libc.MountNoExecute, "mode=755,size=64k");
        foreach (var (name, minor, major) in (ReadOnlySpan<(string, ulong, ulong)>)
            [("null", 3, 1), ("zero", 5, 1), ("full", 7, 1), ("random", 8, 1), ("urandom", 9, 1), ("tty", 0, 5)])
        {
            var path = $"{target}/{name}";
            if (Libc.mknod(path, Libc.CharacterDevice | ReadAndWriteForAll, (major << 8) | minor) != 0)
            {
                throw new LinuxException($"make device {path}", Marshal.GetLastPInvokeError());
            }

            Libc.Check(Libc.chmod(path, ReadAndWriteForAll), $"open device {path} to all"); // mknod obeys the umask
        }

        foreach (var (name, to) in (ReadOnlySpan<(string, string)>)
            [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"), ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx")])
        {
            File.CreateSymbolicLink($"{target}/{name}", to);
        }

        ContainerRoot.Mount(
            "devpts", ContainerRoot.Ensure($"{target}/pts"), "devpts", Libc.MountNoSetUserId | Libc.MountNoExecute, "newinstance,ptmxmode=0666,mode=0620");
        ContainerRoot.Mount(
            "tmpfs", ContainerRoot.Ensure($"{target}/shm"), "tmpfs", Libc.MountNoSetUserId | Libc.MountNoDevices | Libc.MountNoExecute, "mode=1777,size=64m");
        ContainerRoot.Ensure($"{target}/mqueue");
        Libc.SetMountAttributes(null, target, Libc.AttributeReadOnly, recursive: false);
    }
}
