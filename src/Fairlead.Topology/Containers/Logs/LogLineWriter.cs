using System.Buffers;
using System.Globalization;
using System.Text;

namespace Fairlead.Topology.Containers.Logs;

/// <summary>Turns the bytes of one stream of a container into CRI log lines.</summary>
public sealed class LogLineWriter(ContainerLog log, string stream, TimeProvider time)
{
    /// <summary>The longest text of one log line; more is written as parts, as container runtimes do.</summary>
    public const int LongestLine = 16 * 1024;

    private readonly ArrayBufferWriter<byte> _lines = new();
    private readonly ArrayBufferWriter<byte> _partial = new();
    private readonly byte[] _stream = Encoding.ASCII.GetBytes(' ' + stream + ' ');

    /// <summary>Copies <paramref name="source"/> into the log until its end, and disposes it.</summary>
    public async Task PumpAsync(Stream source, CancellationToken ct)
    {
        var buffer = new byte[4096];
        try
        {
            int read;
            while ((read = await source.ReadAsync(buffer, ct)) > 0)
            {
                Write(buffer.AsSpan(0, read));
            }
        }
        finally
        {
            Finish();
            await source.DisposeAsync();
        }
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var end = bytes.IndexOf((byte)'\n');
            var take = Math.Min(end < 0 ? bytes.Length : end, LongestLine - _partial.WrittenCount);
            if (take == end)
            {
                Line(bytes[..take], 'F');
                bytes = bytes[(take + 1)..];
                continue;
            }

            _partial.Write(bytes[..take]);
            bytes = bytes[take..];
            if (_partial.WrittenCount == LongestLine)
            {
                Line([], 'P');
            }
        }

        Flush();
    }

    /// <summary>Writes what came last without a line end.</summary>
    public void Finish()
    {
        if (_partial.WrittenCount > 0)
        {
            Line([], 'F');
            Flush();
        }
    }

    private void Line(ReadOnlySpan<byte> rest, char tag)
    {
        var stamp = _lines.GetSpan(64);
        time.GetUtcNow().UtcDateTime.TryFormat(stamp, out var written, "yyyy-MM-dd'T'HH:mm:ss.fffffff'00Z'", CultureInfo.InvariantCulture);
        _lines.Advance(written);
        _lines.Write(_stream);
        _lines.Write([(byte)tag, (byte)' ']);
        _lines.Write(_partial.WrittenSpan);
        _lines.Write(rest);
        _lines.Write("\n"u8);
        _partial.ResetWrittenCount();
    }

    private void Flush()
    {
        if (_lines.WrittenCount > 0)
        {
            log.Append(_lines.WrittenSpan);
            _lines.ResetWrittenCount();
        }
    }
}
