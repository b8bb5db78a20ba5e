using System.Globalization;
using Fairlead.Linux;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cni.Launcher;

/// <summary>Makes a container's root file system and moves into it.</summary>
/// <remarks>
/// The order matters. What comes from the host is taken as detached mounts first, because the scratch memory and the change of
/// root hide its paths. The other mounts come after the change of root, because then a link in the root, such as an
/// <c>/etc/resolv.conf</c> that points to <c>/run</c>, leads into the root and not out of it.
/// </remarks>
internal static class ContainerRoot
{
    private const UnixFileMode Folder = (UnixFileMode)0x1ed; // rwxr-xr-x

    public static void Enter(PodLaunchSpec spec)
    {
        // Nothing that is mounted from here on may be seen by the host.
        Mount(null, "/", null, Libc.MountPrivate | Libc.MountRecursive, null);
        var binds = spec.Mounts.Where(m => m.Type == PodMountType.Bind).Select(m => Take(m, spec.Privileged)).ToList();
        MoveInto(Overlay(spec.Root));

        DeviceFolder.Mount("/dev"); // before /proc: files there are hidden by /dev/null
        MountProcesses("/proc", spec.Privileged);
        Mount("sysfs", Ensure("/sys"), "sysfs", Restricted | (spec.Privileged ? 0 : Libc.MountReadOnly), null);
        Mount("tmpfs", Ensure("/tmp"), "tmpfs", Libc.MountNoSetUserId | Libc.MountNoDevices, "mode=1777,size=64m");
        Mount("tmpfs", Ensure("/run"), "tmpfs", Libc.MountNoSetUserId | Libc.MountNoDevices, "mode=755,size=16m");
        foreach (var path in spec.Root.Hidden)
        {
            Hide(path);
        }

        // Outer folders first: a mount hides what was mounted inside it before.
        foreach (var mount in spec.Mounts.OrderBy(m => m.Target.Count(c => c == '/')).ThenBy(m => m.Target, StringComparer.Ordinal))
        {
            Place(mount, binds, spec.Privileged);
        }
    }

    /// <summary>Forbids changes of the root and of the memory that every container has; what was asked for stays as it was asked for.</summary>
    public static void MakeReadOnly()
    {
        foreach (var path in (ReadOnlySpan<string>)["/", "/tmp", "/run"])
        {
            Libc.SetMountAttributes(null, path, Libc.AttributeReadOnly, recursive: false);
        }
    }

    private const nuint Restricted = Libc.MountNoSetUserId | Libc.MountNoDevices | Libc.MountNoExecute;

    private static Bind Take(PodMount mount, bool privileged)
    {
        var isFolder = Directory.Exists(mount.Source);
        if (!isFolder && !File.Exists(mount.Source))
        {
            throw new LaunchException(LaunchException.SetupFailed, $"mount {mount.Target}: {mount.Source} is not there");
        }

        var tree = Libc.OpenTree(mount.Source);
        var attributes = (mount.ReadOnly ? Libc.AttributeReadOnly : 0) | (privileged ? 0 : Libc.AttributeNoDevices);
        Libc.SetMountAttributes(tree, mount.Source, attributes, recursive: true);
        return new Bind(mount, tree, isFolder);
    }

    /// <summary>Mounts the overlay; its changes are on memory that nothing else can reach.</summary>
    private static string Overlay(PodRoot root)
    {
        if (!Directory.Exists(root.Scratch))
        {
            throw new LaunchException(LaunchException.SetupFailed, $"root.scratch: {root.Scratch} is no folder");
        }

        Mount("tmpfs", root.Scratch, "tmpfs", Libc.MountNoDevices, string.Create(CultureInfo.InvariantCulture, $"mode=755,size={root.Size}"));
        var (upper, work, merged) = ($"{root.Scratch}/upper", $"{root.Scratch}/work", $"{root.Scratch}/root");
        foreach (var folder in (ReadOnlySpan<string>)[upper, work, merged])
        {
            Directory.CreateDirectory(folder, Folder);
        }

        var options = $"lowerdir={Escape(root.Lower)},upperdir={Escape(upper)},workdir={Escape(work)}";
        try
        {
            Mount("overlay", merged, "overlay", Libc.MountNoDevices, options);
        }
        catch (LinuxException e)
        {
            throw new LaunchException(
                LaunchException.SetupFailed,
                $"overlayfs is refused here: {e.Message}. Remedy: load the module (`modprobe overlay`); inside a container, start it with "
                + "--privileged; where the root is an overlay already, give the container a volume as its state folder",
                e);
        }

        return merged;
    }

    private static void MoveInto(string root)
    {
        Libc.Check(Libc.chdir(root), $"change to {root}");

        // The old root ends up on top of the new one at "/", from where it is taken away (pivot_root(2), "pivot_root(".", ".")").
        Libc.Check(Libc.pivot_root(".", "."), "change the root");
        Libc.Check(Libc.umount2(".", Libc.UnmountDetach), "detach the host's root");
        Libc.Check(Libc.chdir("/"), "change to /");
    }

    private static void MountProcesses(string target, bool privileged)
    {
        Mount("proc", Ensure(target), "proc", Restricted, null);
        if (privileged)
        {
            return;
        }

        // As every container engine: what speaks of or to the host's kernel is read-only or hidden.
        foreach (var name in (ReadOnlySpan<string>)["bus", "fs", "irq", "sys", "sysrq-trigger"])
        {
            var path = $"{target}/{name}";
            if (Path.Exists(path))
            {
                Mount(path, path, null, Libc.MountBind | Libc.MountRecursive, null);
                Libc.SetMountAttributes(null, path, Libc.AttributeReadOnly, recursive: true);
            }
        }

        foreach (var name in (ReadOnlySpan<string>)["kcore", "keys", "timer_list", "scsi", "acpi", "latency_stats", "timer_stats", "sched_debug"])
        {
            Hide($"{target}/{name}");
        }
    }

    private static void Hide(string path)
    {
        if (Directory.Exists(path))
        {
            Mount("tmpfs", path, "tmpfs", Restricted, "mode=755,size=64k");
        }
        else if (File.Exists(path))
        {
            Mount("/dev/null", path, null, Libc.MountBind, null);
        }
    }

    private static void Place(PodMount mount, List<Bind> binds, bool privileged)
    {
        var target = mount.Target;
        if (!target.StartsWith('/'))
        {
            throw new LaunchException(LaunchException.SetupFailed, $"mount target '{target}' is not an absolute path");
        }

        switch (mount.Type)
        {
            case PodMountType.Bind:
                var bind = binds.First(b => ReferenceEquals(b.Mount, mount));
                Libc.MoveMount(bind.Tree, bind.IsFolder ? Ensure(target) : EnsureFile(target));
                bind.Tree.Dispose();
                break;
            case PodMountType.Tmpfs:
                Mount("tmpfs", Ensure(target), "tmpfs", Libc.MountNoSetUserId | Libc.MountNoDevices | ReadOnly(mount), mount.Options);
                break;
            case PodMountType.Proc:
                MountProcesses(target, privileged);
                break;
            case PodMountType.Sysfs:
                Mount("sysfs", Ensure(target), "sysfs", Restricted | (privileged ? ReadOnly(mount) : Libc.MountReadOnly), null);
                break;
            default:
                DeviceFolder.Mount(target);
                break;
        }
    }

    private static nuint ReadOnly(PodMount mount) => mount.ReadOnly ? Libc.MountReadOnly : 0;

    internal static string Ensure(string folder)
    {
        Directory.CreateDirectory(folder, Folder);
        return folder;
    }

    /// <summary>Makes sure that a file is there to mount on; a link is replaced, so that the mount is where it was asked for.</summary>
    internal static string EnsureFile(string path)
    {
        var file = new FileInfo(path);
        if (file.LinkTarget is not null)
        {
            file.Delete();
        }

        if (!File.Exists(path))
        {
            if (Path.GetDirectoryName(path) is { Length: > 0 } parent)
            {
                Ensure(parent);
            }

            File.WriteAllBytes(path, []);
        }

        return path;
    }

    internal static void Mount(string? source, string target, string? type, nuint flags, string? data)
        => Libc.Check(Libc.mount(source, target, type, flags, data), $"mount {type ?? source ?? "as private"} on {target}");

    private static string Escape(string path)
        => path.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(":", "\\:", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);

    private sealed record Bind(PodMount Mount, SafeFileHandle Tree, bool IsFolder);
}
