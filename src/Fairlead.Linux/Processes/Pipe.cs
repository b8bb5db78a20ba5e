using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Processes;

/// <summary>A pipe whose ends no child inherits by accident.</summary>
/// <remarks>Close our copy of the end that was given to a child, or the reader never sees the end of the data.</remarks>
public sealed class Pipe : IDisposable
{
    private Pipe(SafeFileHandle reader, SafeFileHandle writer) => (Reader, Writer) = (reader, writer);

    public SafeFileHandle Reader { get; }

    public SafeFileHandle Writer { get; }

    public static unsafe Pipe Create()
    {
        var ends = stackalloc int[2];
        _ = LinuxException.ThrowIfFailed(Libc.pipe2(ends, Libc.OpenCloseOnExec), "pipe");
        return new(new(ends[0], ownsHandle: true), new(ends[1], ownsHandle: true));
    }

    public void Dispose()
    {
        Reader.Dispose();
        Writer.Dispose();
    }
}
