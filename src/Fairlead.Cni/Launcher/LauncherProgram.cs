using System.Globalization;
using System.Text.Json;
using Fairlead.Cni.Protocol;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cni.Launcher;

/// <summary>A run of the executable as <c>fairlead-pod</c>: becomes the first process of a container, or another one in it.</summary>
/// <remarks>
/// All of it runs on the main thread: credentials and namespaces are a thread's own, and execve keeps those of the thread that
/// calls it. On a failure there is nothing to undo, since every mount is in a namespace that ends with the process.
/// </remarks>
internal static class LauncherProgram
{
    public const string Usage = "usage: fairlead-pod FILE | fairlead-pod --fd N | fairlead-pod exec --pid N [--cwd DIR] [--env NAME=VALUE]... -- COMMAND...";

    /// <summary>Returns only what went wrong before the program was there, or the exit code of one run by <c>exec</c>.</summary>
    public static int Run(string[] arguments, TextWriter error)
    {
        try
        {
            switch (arguments)
            {
                case ["exec", .. var rest]:
                    return JoinCommand.Parse([.. rest]).Run();
                case ["--fd", var number] when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var fd):
                    using (var handle = new SafeFileHandle(fd, ownsHandle: true))
                    using (var stream = new FileStream(handle, FileAccess.Read))
                    {
                        return Become(stream);
                    }

                case [var file] when !file.StartsWith('-'):
                    using (var stream = File.OpenRead(file))
                    {
                        return Become(stream);
                    }

                default:
                    error.WriteLine(Usage);
                    return 2;
            }
        }
        catch (LaunchException e)
        {
            error.WriteLine($"fairlead-pod: {e.Message}");
            return e.ExitCode;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or ArgumentException or CniException)
        {
            error.WriteLine($"fairlead-pod: {e.Message}");
            return LaunchException.SetupFailed;
        }
    }

    private static int Become(Stream stream)
    {
        using var buffer = new MemoryStream();
        stream.CopyTo(buffer);
        var spec = PodLaunchSpec.Parse(buffer.ToArray());
        if (spec.Command.IsDefaultOrEmpty)
        {
            throw new LaunchException(LaunchException.NotFound, "the command is empty");
        }

        ContainerRoot.Enter(spec);
        if (spec.HostName is { Length: > 0 } name)
        {
            Libc.Check(Libc.sethostname(name, (nuint)System.Text.Encoding.UTF8.GetByteCount(name)), $"set host name {name}");
        }

        Directory.CreateDirectory(spec.WorkingDirectory);
        Libc.Check(Libc.chdir(spec.WorkingDirectory), $"change to {spec.WorkingDirectory}");
        if (spec.ReadOnlyRoot)
        {
            ContainerRoot.MakeReadOnly();
        }

        Privileges.Take(new Privileges(
            spec.UserId, spec.GroupId, spec.Groups, spec.Privileged ? ulong.MaxValue : Capabilities.Mask(spec.Capabilities), spec.NoNewPrivileges));
        throw ProgramStart.Execute(spec.Command, spec.Environment);
    }
}
