using System.Buffers;
using System.IO.Pipelines;

namespace Fairlead.Ingress.Forwarding;

/// <summary>Passes the body of an endpoint's answer on to the client, as it comes.</summary>
/// <remarks>
/// What has been received is flushed before more is waited for, so that a slow answer arrives piece by piece, and nothing is read that
/// the client does not take: memory is bounded by the buffers of one connection.
/// </remarks>
internal sealed class ResponseBody(UpstreamConnection connection, PipeWriter output)
{
    private const int LongestLine = 4096;
    private const int MostTrailerLines = 100;
    private const int LeastRead = 4 * 1024;
    private const int MostRead = 64 * 1024;

    private bool _unflushed;
    private bool _hasFlushed;

    /// <summary>Bytes passed on.</summary>
    public long Passed { get; private set; }

    /// <summary>Passes a body of a known length.</summary>
    public async ValueTask CopyAsync(long length)
    {
        var left = length - WriteBuffered(length);
        var size = LeastRead;
        while (left > 0)
        {
            var received = await ReceiveAsync((int)Math.Min(left, size));
            if (received == 0)
            {
                throw new UpstreamException(UpstreamFailure.Error, $"the endpoint closed {left} bytes before the end of its answer");
            }

            left -= received;
            size = received == size ? Math.Min(size * 4, MostRead) : size;
        }

        // Kestrel flushes at the end only what was never flushed before (then head and body leave in one write).
        if (_hasFlushed)
        {
            await FlushAsync();
        }
    }

    /// <summary>Passes a body that ends with the connection.</summary>
    public async ValueTask CopyToEndAsync()
    {
        WriteBuffered(long.MaxValue);
        while (await ReceiveAsync(MostRead / 4) > 0)
        {
        }
    }

    /// <summary>Passes a chunked body; the client's side frames it anew. Trailers are read and dropped.</summary>
    public async ValueTask CopyChunkedAsync()
    {
        while (await ReadChunkSizeAsync() is var size and > 0)
        {
            for (var left = size; left > 0;)
            {
                var passed = WriteBuffered(left);
                left -= passed;
                if (passed == 0)
                {
                    await FillAsync();
                }
            }

            if (await ReadLineAsync() != 0)
            {
                throw Invalid("a chunk is longer than it says");
            }
        }

        for (var lines = 0; await ReadLineAsync() is var length and > 0; lines++)
        {
            if (lines == MostTrailerLines)
            {
                throw Invalid("too many trailers");
            }

            connection.Take(length + 2);
        }
    }

    private async ValueTask<int> ReceiveAsync(int most)
    {
        await FlushAsync();
        var memory = output.GetMemory(most);
        var received = await connection.ReceiveAsync(memory[..most]);
        output.Advance(received);
        Passed += received;
        _unflushed |= received > 0;
        return received;
    }

    private int WriteBuffered(long most)
    {
        var buffered = connection.Buffered;
        var length = (int)Math.Min(most, buffered.Length);
        if (length > 0)
        {
            output.Write(buffered.Span[..length]);
            connection.Take(length);
            Passed += length;
            _unflushed = true;
        }

        return length;
    }

    private async ValueTask FlushAsync()
    {
        if (_unflushed)
        {
            (_unflushed, _hasFlushed) = (false, true);
            if (await output.FlushAsync() is { IsCompleted: true } or { IsCanceled: true })
            {
                throw new ClientGoneException();
            }
        }
    }

    private async ValueTask FillAsync()
    {
        await FlushAsync();
        if (!await connection.FillAsync())
        {
            throw new UpstreamException(UpstreamFailure.Error, "the endpoint closed within its chunked answer");
        }
    }

    private async ValueTask<long> ReadChunkSizeAsync()
    {
        var length = await ReadLineAsync();
        var size = ChunkSize(connection.Buffered.Span[..length]);
        connection.Take(length + 2);
        return size;
    }

    /// <summary>
    /// Waits for a whole line, and gives its length without CRLF. An empty line is taken; another one stays for the caller.
    /// </summary>
    private async ValueTask<int> ReadLineAsync()
    {
        while (true)
        {
            var feed = connection.Buffered.Span.IndexOf((byte)'\n');
            if (feed > 0 && connection.Buffered.Span[feed - 1] == '\r')
            {
                if (feed == 1)
                {
                    connection.Take(2);
                }

                return feed - 1;
            }

            if (feed >= 0 || connection.Buffered.Length >= LongestLine)
            {
                throw Invalid("a line of the chunked answer is too long or without CR");
            }

            await FillAsync();
        }
    }

    /// <summary>The size of a chunk: hexadecimal digits, and an extension that means nothing here.</summary>
    private static long ChunkSize(ReadOnlySpan<byte> line)
    {
        var digits = line.IndexOf((byte)';') is var end and >= 0 ? line[..end] : line;
        long size = 0;
        foreach (var digit in digits)
        {
            if (!char.IsAsciiHexDigit((char)digit) || size >> 56 != 0)
            {
                throw Invalid("a chunk size is no hexadecimal number");
            }

            size = (size << 4) | (uint)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
        }

        return digits.IsEmpty ? throw Invalid("a chunk has no size") : size;
    }

    private static UpstreamException Invalid(string message) => new(UpstreamFailure.InvalidAnswer, message);
}
