using System.IO.Pipes;
using Fairlead.Linux.Processes;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Topology.Containers.Logs;

/// <summary>A pipe from a child: the end that it writes to, and a stream on ours that waits without a thread.</summary>
/// <remarks>
/// A real pipe and not a pair of sockets, because programs open <c>/dev/stdout</c>, which a socket refuses. A <c>FileStream</c>
/// would hold a pool thread for each container; an <c>AnonymousPipeClientStream</c> waits with epoll.
/// </remarks>
public sealed class OutputPipe : IDisposable
{
    private bool _taken;

    public OutputPipe()
    {
        var pipe = Pipe.Create();
        Writer = pipe.Writer;
        Reader = new AnonymousPipeClientStream(PipeDirection.In, new SafePipeHandle(pipe.Reader.DangerousGetHandle(), ownsHandle: true));
        pipe.Reader.SetHandleAsInvalid();
    }

    public SafeFileHandle Writer { get; }

    public Stream Reader { get; }

    /// <summary>Hands the stream over; whoever takes it reads it to its end.</summary>
    public Stream TakeReader()
    {
        _taken = true;
        return Reader;
    }

    public void Dispose()
    {
        Writer.Dispose();
        if (!_taken)
        {
            Reader.Dispose();
        }
    }
}
