namespace Fairlead.KernelTests.VirtualMachines;

/// <summary>User-Mode Linux, Debian's: boots on the host's root file system in two seconds.</summary>
internal sealed class UserModeLinux : VirtualMachine
{
    public override string Name => "User-Mode Linux";

    protected override string ModuleFolder => Store("user-mode");

    protected override string Terminal => "/dev/ttyS0";

    protected override string MountWork(string work) => $"mount -t hostfs none {GuestScript.WorkFolder} -o {work}";

    protected override IReadOnlyList<string> Start(string work, string script) =>
    [
        "linux.uml", "mem=1536M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", $"init={script}", "quiet",
        "con=null", "con0=null,fd:2", "ssl0=null,fd:1", "umid=guest", $"uml_dir={work}/uml",
    ];
}
