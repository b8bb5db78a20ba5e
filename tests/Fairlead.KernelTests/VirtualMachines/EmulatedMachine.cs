namespace Fairlead.KernelTests.VirtualMachines;

/// <summary>QEMU without KVM, with Debian's kernel. The initial file system only mounts the host's root and goes there.</summary>
internal sealed class EmulatedMachine : VirtualMachine
{
    /// <summary>What the host's files are reached by; what these modules need comes with them.</summary>
    private static readonly string[] s_first = ["virtio_pci", "9pnet_virtio", "9p"];

    public override string Name => "the emulated machine";

    protected override string ModuleFolder => Store("debian");

    protected override string Terminal => "/dev/ttyS1";

    protected override string MountWork(string work) => $"mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 work {GuestScript.WorkFolder}";

    protected override IReadOnlyList<string> Start(string work, string script)
    {
        var image = Path.Combine(work, "initial.cpio");
        WriteImage(image, script);
        return
        [
            "qemu-system-x86_64", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "max", "-smp", "2", "-m", "1536",
            "-display", "none", "-nodefaults", "-no-user-config", "-no-reboot",
            "-kernel", Directory.GetFiles(Path.Combine(ModuleFolder, "boot")).Single(), "-initrd", image,
            "-virtfs", "local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap",
            "-virtfs", $"local,path={work},mount_tag=work,security_model=none",
            "-serial", "file:/dev/stderr", "-serial", "stdio",
            "-append", "console=ttyS0 quiet panic=-1 tsc=reliable no_timer_check nokaslr mitigations=off cryptomgr.notests random.trust_cpu=on",
        ];
    }

    private void WriteImage(string path, string script)
    {
        var modules = KernelModules.InOrder(ModuleFolder, s_first);
        using var file = File.Create(path);
        using var archive = new CpioWriter(file);
        foreach (var folder in new[] { "bin", "modules", "root", "dev" })
        {
            archive.Folder(folder);
        }

        archive.File("bin/busybox", File.ReadAllBytes("/bin/busybox"));
        foreach (var module in modules)
        {
            archive.File($"modules/{Path.GetFileName(module)}", File.ReadAllBytes(module));
        }

        archive.File("init", System.Text.Encoding.UTF8.GetBytes($"""
            #!/bin/busybox sh
            for module in {string.Join(' ', modules.Select(m => Path.GetFileName(m)))}; do /bin/busybox insmod /modules/$module; done
            /bin/busybox mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose root /root
            exec /bin/busybox switch_root /root {script}

            """));
    }
}
