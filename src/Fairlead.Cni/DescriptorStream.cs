using System.Runtime.InteropServices;
using Fairlead.Linux;

namespace Fairlead.Cni;

/// <summary>Standard input, output or error, read and written from where they stand.</summary>
/// <remarks>
/// Not <see cref="FileStream"/>: on a file it keeps a position of its own, so that the next process to write there overwrites.
/// Not <see cref="Console"/>: its start costs more than a plugin's work does, and it changes signal handling.
/// </remarks>
internal sealed unsafe class DescriptorStream(int descriptor, bool writes) : Stream
{
    public override bool CanRead => !writes;

    public override bool CanSeek => false;

    public override bool CanWrite => writes;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            return Again(start, buffer.Length, &Libc.read);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            fixed (byte* start = buffer)
            {
                buffer = buffer[Again(start, buffer.Length, &Libc.write)..];
            }
        }
    }

    public override void Flush()
    {
        // Nothing is kept back.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private int Again(byte* start, int length, delegate*<int, byte*, nuint, nint> call)
    {
        while (true)
        {
            var done = call(descriptor, start, (nuint)length);
            if (done >= 0)
            {
                return (int)done;
            }

            var errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.Interrupted)
            {
                throw new LinuxException($"descriptor {descriptor}", errno);
            }
        }
    }
}
