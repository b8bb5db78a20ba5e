using System.Text;
using Fairlead.Cni.Launcher;
using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;

namespace Fairlead.Cni;

/// <summary>The entry point of <c>fairlead-cni</c>: every plugin, and the launcher, by the name it is started under.</summary>
internal static class Program
{
    private static int Main(string[] args)
    {
        using var error = new StreamWriter(new DescriptorStream(2, writes: true)) { AutoFlush = true };
        var name = ProgramName();
        if (name == CniInstall.LauncherName)
        {
            return LauncherProgram.Run(args, error);
        }

        if (Environment.GetEnvironmentVariable("CNI_COMMAND") is null)
        {
            error.WriteLine($"{name}: a CNI plugin: {string.Join(", ", PluginCatalog.Names)} by the name it is started under");
            error.WriteLine("It is started by a container runtime; `fairlead cni add NETWORK NETNS` calls it by hand.");
            return args is ["--help" or "-h"] ? 0 : 2;
        }

        using var input = new DescriptorStream(0, writes: false);
        using var output = new DescriptorStream(1, writes: true);
        return PluginProgram.Run(new CniHost(Environment.GetEnvironmentVariable, input, output, error)
        {
            ProgramName = name,
            Executable = Environment.ProcessPath,
        });
    }

    /// <summary>What the kernel keeps of argv[0]; the runtime's own list has the assembly's path there under JIT.</summary>
    private static string ProgramName()
    {
        var line = File.ReadAllBytes("/proc/self/cmdline").AsSpan();
        var end = line.IndexOf((byte)0);
        return Path.GetFileName(Encoding.UTF8.GetString(end < 0 ? line : line[..end]));
    }
}
