using System.Text;

namespace Fairlead.KernelTests.VirtualMachines;

/// <summary>The first process of a guest: file systems, modules, the program, its exit code, the end.</summary>
/// <remarks>
/// The root is the host's, read-only; what a program may write to is memory of the guest's (/tmp, /run, /var/lib, /dev/shm). The one folder of
/// the host's that the guest writes to is the work folder, for the exit code.
/// </remarks>
internal static class GuestScript
{
    /// <summary>Where the guest has the work folder.</summary>
    public const string WorkFolder = "/mnt";

    /// <summary>The file in the work folder that the exit code is put into.</summary>
    public const string ExitCodeFile = "exit-code";

    public static string Of(GuestProgram program, string mountWork, string terminal, string modules)
    {
        var text = new StringBuilder($"""
            #!/bin/sh
            export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp LC_ALL=C
            mount -t proc proc /proc
            mount -t sysfs sys /sys
            mount -t devtmpfs dev /dev 2> /dev/null # the kernel may have done it
            mkdir -p /dev/pts /dev/shm
            mount -t devpts pts /dev/pts
            for folder in /dev/shm /run /tmp /var/lib; do mount -t tmpfs none $folder; done
            {mountWork}
            printf '#!/bin/sh\nexec modprobe -d %s "$@"\n' {Quote(modules)} > /run/modprobe
            chmod +x /run/modprobe
            echo /run/modprobe > /proc/sys/kernel/modprobe
            for module in tun ipv6 {string.Join(' ', program.Modules.Select(Quote))}; do /run/modprobe $module; done
            ip link set lo up
            stty -F {terminal} raw

            """);
        foreach (var (name, value) in program.Environment)
        {
            text.Append($"export {name}={Quote(value)}\n");
        }

        return text.Append($"""
            cd {Quote(program.WorkingDirectory)}
            {string.Join(' ', program.Arguments.Prepend(program.Executable).Select(Quote))} < /dev/null > {terminal} 2>&1
            echo $? > {WorkFolder}/{ExitCodeFile}
            stty -F {terminal} > /dev/null # waits until all of the output is out
            echo o > /proc/sysrq-trigger
            sleep 60

            """).ToString();
    }

    private static string Quote(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
