using System.Text;

namespace Fairlead.Topology.Containers.Logs;

/// <summary>Reads a container's log from its files, while another process may still be writing them.</summary>
public sealed class ContainerLogReader(string path, TimeProvider time)
{
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);
    private static readonly byte[] s_error = Encoding.ASCII.GetBytes(" stderr ");

    /// <summary>Copies the log, without its prefixes, to where each line was written to.</summary>
    /// <param name="output">For what went to standard output.</param>
    /// <param name="error">For what went to standard error.</param>
    /// <param name="tail">Begins with so many of the last lines; null for all.</param>
    /// <param name="goOn">Asked at the end of what there is: whether more may come.</param>
    /// <param name="ct">Ends it.</param>
    public async Task CopyAsync(Stream output, Stream error, int? tail, Func<bool> goOn, CancellationToken ct)
    {
        var old = Lines(path + ".old");
        var file = Open();
        var lines = old.Concat(ReadLines(file)).ToList();
        foreach (var line in tail is { } count ? lines.TakeLast(count) : lines)
        {
            await WriteAsync(line, output, error, ct);
        }

        while (true)
        {
            await output.FlushAsync(ct);
            await error.FlushAsync(ct);

            // Asked before the last look: what was written by then is seen.
            var more = goOn();
            var next = ReadLines(file).ToList();
            if (next.Count == 0 && Rotated(file))
            {
                file?.Dispose();
                file = Open();
                next = [.. ReadLines(file)];
            }

            foreach (var line in next)
            {
                await WriteAsync(line, output, error, ct);
            }

            if (next.Count > 0)
            {
                continue;
            }

            if (!more)
            {
                file?.Dispose();
                return;
            }

            await Task.Delay(s_poll, time, ct);
        }
    }

    private FileStream? Open() => TryOpen(path);

    private static FileStream? TryOpen(string file)
    {
        try
        {
            return new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    /// <summary>The writer renames a full file and begins another: ours has its last line, and the path leads to a shorter one.</summary>
    private bool Rotated(FileStream? file)
    {
        var there = new FileInfo(path);
        return there.Exists && (file is null || there.Length != file.Length);
    }

    private static List<byte[]> Lines(string file)
    {
        using var stream = TryOpen(file);
        return [.. ReadLines(stream)];
    }

    /// <summary>The whole lines from where the stream stands; it is left at the beginning of a line that is not whole yet.</summary>
    private static IEnumerable<byte[]> ReadLines(FileStream? file)
    {
        if (file is null || file.Length <= file.Position)
        {
            yield break;
        }

        var start = file.Position;
        var block = new byte[file.Length - start];
        file.ReadExactly(block);
        var used = 0;
        while (block.AsSpan(used).IndexOf((byte)'\n') is >= 0 and var length)
        {
            yield return block[used..(used + length)];
            used += length + 1;
        }

        file.Position = start + used;
    }

    /// <summary>A line is <c>TIME STREAM F|P TEXT</c>.</summary>
    private static async Task WriteAsync(byte[] line, Stream output, Stream error, CancellationToken ct)
    {
        var afterTime = Array.IndexOf(line, (byte)' ');
        var afterStream = afterTime < 0 ? -1 : Array.IndexOf(line, (byte)' ', afterTime + 1);
        if (afterStream < 0 || line.Length < afterStream + 3)
        {
            return;
        }

        var to = line.AsSpan(afterTime).StartsWith(s_error) ? error : output;
        await to.WriteAsync(line.AsMemory(afterStream + 3), ct);
        if (line[afterStream + 1] == 'F')
        {
            await to.WriteAsync("\n"u8.ToArray(), ct);
        }
    }
}
