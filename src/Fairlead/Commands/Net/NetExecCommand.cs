using System.CommandLine;
using Fairlead.CommandLine;
using Fairlead.Lab;
using Fairlead.Linux.Processes;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Commands.Net;

/// <summary><c>fairlead net exec</c>: runs a program in a host.</summary>
internal sealed class NetExecCommand : FairleadCommand
{
    private readonly Argument<string> _host = new("HOST") { Description = NetHost.Description };
    private readonly Argument<string[]> _command = new("COMMAND") { Description = "the program and its arguments, after --", Arity = ArgumentArity.OneOrMore };

    public NetExecCommand()
        : base("exec", "Runs a program in the network of a host. It ends with the program's exit code.")
    {
        Arguments.Add(_host);
        Arguments.Add(_command);
        SetAction((parsed, _) => RunAsync(parsed));
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead net exec red -- curl http://192.168.15.2/", "as ip netns exec: with the host's own /sys, and its files of /etc/netns/red in /etc"),
        ("fairlead net exec red -- bash", "a shell in there"),
    ];

    private async Task<int> RunAsync(ParseResult parsed)
    {
        var (host, command) = (parsed.GetValue(_host)!, parsed.GetValue(_command)!);
        NetFile.RequireRights($"exec {host} -- {string.Join(' ', command)}", "CAP_SYS_ADMIN");
        using var network = NetHost.Open(host);
        using var input = new SafeFileHandle(0, ownsHandle: false);
        using var output = new SafeFileHandle(1, ownsHandle: false);
        using var error = new SafeFileHandle(2, ownsHandle: false);
        using var process = ProcessHandle.Start(new SpawnOptions
        {
            Executable = Find(command[0]),
            Argument0 = command[0],
            Arguments = command[1..],
            WorkingDirectory = Environment.CurrentDirectory,
            Network = network,
            New = network is null ? NamespaceKinds.None : NamespaceKinds.Mount,
            Prepare = network is null ? null : () => ShowAsThere(network.Name),
            Input = input,
            Output = output,
            Error = error,
            NewSession = false,
        });

        // A terminal's Ctrl-C reaches the program itself, and it is its business what comes of it.
        using var ignored = System.Runtime.InteropServices.PosixSignalRegistration.Create(System.Runtime.InteropServices.PosixSignal.SIGINT, c => c.Cancel = true);
        return (await process.WaitAsync(CancellationToken.None)).ShellCode;
    }

    /// <summary>What a program finds in /sys and /etc is its network's.</summary>
    private static void ShowAsThere(string? name)
    {
        Mount.Detach("/sys");
        Mount.FileSystem("sysfs", "/sys");
        var own = $"/etc/netns/{name}";
        foreach (var file in name is not null && Directory.Exists(own) ? Directory.GetFiles(own) : [])
        {
            var usual = $"/etc/{Path.GetFileName(file)}";
            if (File.Exists(usual))
            {
                Mount.Bind(file, usual);
            }
        }
    }

    private static string Find(string program)
    {
        var candidates = program.Contains('/', StringComparison.Ordinal)
            ? [Path.GetFullPath(program)]
            : (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries).Select(folder => Path.Combine(folder, program));
        return candidates.FirstOrDefault(File.Exists) ?? throw new LabException($"there is no program '{program}'", "name one that is on PATH, or its path");
    }
}
