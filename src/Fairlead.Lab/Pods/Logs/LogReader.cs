using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using Fairlead.ApiServer.Pods;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.Lab.Pods.Logs;

/// <summary>Reads a <see cref="ContainerLog"/> the way <c>kubectl logs</c> asks for it.</summary>
internal static class LogReader
{
    private const int BlockSize = 16 * 1024;

    /// <summary>The log as text, without the CRI prefix. Ends when the log does, or before if it is not followed.</summary>
    public static Stream Open(ContainerLog log, PodLogOptions options, CancellationToken ct)
    {
        var pipe = new Pipe();
        _ = Task.Run(() => CopyAsync(log, options, pipe.Writer, ct), CancellationToken.None);
        return pipe.Reader.AsStream();
    }

    internal static async Task CopyAsync(ContainerLog log, PodLogOptions options, PipeWriter output, CancellationToken ct)
    {
        try
        {
            await CopyLinesAsync(log, options, output, ct);
            await output.CompleteAsync();
        }
        catch (Exception e)
        {
            // The reader of the pipe learns of it; a cancelled request is simply over.
            await output.CompleteAsync(e is OperationCanceledException ? null : e);
        }
    }

    private static async Task CopyLinesAsync(ContainerLog log, PodLogOptions options, PipeWriter output, CancellationToken ct)
    {
        var position = options.TailLines is { } tail ? TailStart(log, tail) : log.Extent.Start;
        var end = log.Extent.End;
        var left = options.LimitBytes ?? long.MaxValue;
        var buffer = new byte[BlockSize];
        var held = 0;
        while (left > 0 && (options.Follow || position < end))
        {
            var count = log.Read(ref position, buffer.AsSpan(held));
            if (count == 0)
            {
                await output.FlushAsync(ct);
                if (!options.Follow || !await log.MoreAsync(position, ct))
                {
                    break;
                }

                continue;
            }

            position += count;
            var filled = held + count;
            var used = WriteLines(buffer.AsSpan(0, filled), options, output, ref left);
            held = filled - used;
            buffer.AsSpan(used, held).CopyTo(buffer);
            if (held == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }

            if ((await output.FlushAsync(ct)).IsCompleted)
            {
                break;
            }
        }
    }

    private static int WriteLines(ReadOnlySpan<byte> block, PodLogOptions options, PipeWriter output, ref long left)
    {
        var used = 0;
        while (left > 0 && block[used..].IndexOf((byte)'\n') is >= 0 and var length)
        {
            WriteLine(block.Slice(used, length), options, output, ref left);
            used += length + 1;
        }

        return used;
    }

    private static void WriteLine(ReadOnlySpan<byte> line, PodLogOptions options, PipeWriter output, ref long left)
    {
        var afterTime = line.IndexOf((byte)' ') + 1;
        var afterStream = afterTime + line[afterTime..].IndexOf((byte)' ') + 1;
        if (afterTime == 0 || afterStream == afterTime || line.Length < afterStream + 2)
        {
            return;
        }

        if (options.Since is { } since && TryReadTime(line[..(afterTime - 1)], out var written) && written < since)
        {
            return;
        }

        if (options.Timestamps)
        {
            Put(line[..afterTime], output, ref left);
        }

        Put(line[(afterStream + 2)..], output, ref left);
        if (line[afterStream] == 'F')
        {
            Put("\n"u8, output, ref left);
        }
    }

    private static void Put(ReadOnlySpan<byte> text, PipeWriter output, ref long left)
    {
        var part = text[..(int)Math.Min(text.Length, left)];
        output.Write(part);
        left -= part.Length;
    }

    private static bool TryReadTime(ReadOnlySpan<byte> text, out DateTimeOffset time)
    {
        // "…:05.123456700Z" without its last two digits is .NET's round-trip format.
        Span<byte> trimmed = stackalloc byte[28];
        if (text.Length != 30)
        {
            time = default;
            return false;
        }

        text[..27].CopyTo(trimmed);
        trimmed[27] = (byte)'Z';
        return Utf8Parser.TryParse(trimmed, out time, out _, 'O');
    }

    /// <summary>Where the last <paramref name="lines"/> lines start, found from the end.</summary>
    private static long TailStart(ContainerLog log, long lines)
    {
        var (start, end) = log.Extent;
        if (lines <= 0)
        {
            return end;
        }

        var buffer = new byte[BlockSize];
        var seen = 0L;
        for (var blockEnd = end; blockEnd > start;)
        {
            var blockStart = Math.Max(start, blockEnd - buffer.Length);
            var position = blockStart;
            var filled = 0;
            while (position < blockEnd && log.Read(ref position, buffer.AsSpan(filled, (int)(blockEnd - position))) is > 0 and var count)
            {
                filled += count;
                position += count;
            }

            for (var i = filled - 1; i >= 0; i--)
            {
                // The end of the log's last line ends no line before it.
                if (buffer[i] == '\n' && blockStart + i != end - 1 && ++seen == lines)
                {
                    return blockStart + i + 1;
                }
            }

            blockEnd = blockStart;
        }

        return start;
    }
}
