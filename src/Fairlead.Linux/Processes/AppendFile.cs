using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Processes;

/// <summary>A file for a child to write its output to.</summary>
public static class AppendFile
{
    /// <summary>Opens it, or makes it for its owner alone; every write goes to its end, whoever else writes there.</summary>
    /// <remarks>A handle of .NET's with <see cref="FileMode.Append"/> stands at the beginning, where the next child would overwrite.</remarks>
    public static SafeFileHandle Open(string path)
    {
        const int forOwner = 0b110_000_000;
        return Libc.Handle(Libc.open(path, Libc.OpenWriteOnly | Libc.OpenCreate | Libc.OpenAppend | Libc.OpenCloseOnExec, forOwner), $"open {path}");
    }
}
