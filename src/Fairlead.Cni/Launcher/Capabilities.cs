using System.Collections.Immutable;

namespace Fairlead.Cni.Launcher;

/// <summary>The kernel's capabilities by name.</summary>
public static class Capabilities
{
    private static readonly ImmutableArray<string> s_names = // linux/capability.h, by number
    [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
        "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
        "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE",
        "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ",
        "PERFMON", "BPF", "CHECKPOINT_RESTORE",
    ];

    /// <summary>What Docker and containerd leave a container.</summary>
    public static ImmutableArray<string> Default { get; } =
    [
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID",
        "SETPCAP", "SETUID", "SYS_CHROOT",
    ];

    /// <summary>A bit for each named capability.</summary>
    /// <exception cref="ArgumentException">A name is not a capability.</exception>
    internal static ulong Mask(IEnumerable<string> names)
    {
        var mask = 0UL;
        foreach (var name in names)
        {
            if (string.Equals(name, "ALL", StringComparison.OrdinalIgnoreCase))
            {
                return ulong.MaxValue;
            }

            var bare = name.StartsWith("CAP_", StringComparison.OrdinalIgnoreCase) ? name[4..] : name;
            var number = s_names.IndexOf(bare.ToUpperInvariant());
            mask |= number >= 0 ? 1UL << number : throw new ArgumentException($"'{name}' is no capability", nameof(names));
        }

        return mask;
    }
}
