using System.Collections.Immutable;

namespace Fairlead.Cni.Launcher;

/// <summary>What a container's program may do: its user, groups and capabilities.</summary>
internal sealed record Privileges(uint UserId, uint GroupId, ImmutableArray<uint> Groups, ulong Capabilities, bool NoNewPrivileges)
{
    /// <summary>Limits the calling thread, and so what it executes, to these.</summary>
    /// <remarks>
    /// The bounding set is what holds for root: at execve root gets all of it. Another user gets nothing at execve,
    /// because nothing is inheritable or ambient.
    /// </remarks>
    public static unsafe void Take(Privileges privileges)
    {
        var kept = privileges.Capabilities & Libc.PermittedCapabilities();
        Libc.Check(Libc.prctl(Libc.PrctlAmbient, Libc.AmbientClearAll, 0, 0, 0), "clear ambient capabilities");
        for (nuint number = 0; Libc.prctl(Libc.PrctlReadBounding, number, 0, 0, 0) is var present and >= 0; number++)
        {
            if (present == 1 && (kept & (1UL << (int)number)) == 0)
            {
                Libc.Check(Libc.prctl(Libc.PrctlDropBounding, number, 0, 0, 0), $"drop capability {number}");
            }
        }

        fixed (uint* groups = privileges.Groups.AsSpan())
        {
            Libc.Check(Libc.setgroups((nuint)privileges.Groups.Length, groups), "set groups");
        }

        Libc.Check(Libc.setresgid(privileges.GroupId, privileges.GroupId, privileges.GroupId), $"set group {privileges.GroupId}");
        Libc.Check(Libc.setresuid(privileges.UserId, privileges.UserId, privileges.UserId), $"set user {privileges.UserId}");
        Libc.SetCapabilities(privileges.UserId == 0 ? kept : 0);
        if (privileges.NoNewPrivileges)
        {
            Libc.Check(Libc.prctl(Libc.PrctlNoNewPrivileges, 1, 0, 0, 0), "set no_new_privs");
        }
    }

    /// <summary>What the processes of a container have, from the status file of one of them (proc_pid_status(5)).</summary>
    public static Privileges OfProcess(string statusFile)
    {
        var fields = File.ReadLines(statusFile)
            .Select(line => line.Split(':', 2))
            .Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1].Trim(), StringComparer.Ordinal);
        static uint Effective(string ids) => uint.Parse(ids.Split('\t')[1], System.Globalization.CultureInfo.InvariantCulture);
        return new Privileges(
            Effective(fields["Uid"]),
            Effective(fields["Gid"]),
            [.. fields["Groups"].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(g => uint.Parse(g, System.Globalization.CultureInfo.InvariantCulture))],
            Convert.ToUInt64(fields["CapBnd"], 16),
            fields["NoNewPrivs"] == "1");
    }
}
