using System.Runtime.InteropServices;

namespace Fairlead.Lab.Pods;

/// <summary>The system calls that the pod runtime needs and .NET does not offer.</summary>
internal static partial class Libc
{
    private const int SigKill = 9;

    /// <summary>Puts a file or link in the place of another at once. <c>File.Move</c> refuses a link that leads to a folder.</summary>
    public static void Rename(string from, string to)
    {
        if (rename(from, to) != 0)
        {
            throw new IOException($"rename {from} to {to}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    /// <summary>Kills every process of a group; one that is gone is no failure.</summary>
    public static void KillGroup(int group) => _ = kill(-group, SigKill);

    /// <summary>Gives a file to a group; its owner stays.</summary>
    public static void ChangeGroup(string path, uint group)
    {
        const uint same = uint.MaxValue;
        if (chown(path, same, group) != 0)
        {
            throw new IOException($"chown :{group} {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int chown(string path, uint owner, uint group);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int rename(string from, string to);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int kill(int process, int signal);
}
