using Microsoft.Win32.SafeHandles;

namespace Fairlead.Topology.Containers.Logs;

/// <summary>The output of one run of one container: lines in the CRI log format, in at most two files.</summary>
/// <remarks>
/// A line is <c>TIME STREAM F|P TEXT</c>, as container runtimes write it, so that kubelet's tools read it too. When the file
/// reaches its limit it becomes <c>….old</c>, and the one before that is gone: the disk a container can fill is bounded.
/// Readers hold a <i>position</i>, the count of bytes ever written, which stays valid over a rotation. All members may be
/// called from any thread.
/// </remarks>
public sealed class ContainerLog : IDisposable
{
    public const long UsualLimit = 10 * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly string _path;
    private readonly long _limit;
    private SafeFileHandle? _file;
    private long _oldStart;
    private long _start;
    private long _end;
    private bool _complete;
    private TaskCompletionSource? _changed;

    private ContainerLog(string path, long limit)
    {
        _path = path;
        _limit = limit;
    }

    private string OldPath => _path + ".old";

    /// <summary>Starts an empty log at <paramref name="path"/>.</summary>
    public static ContainerLog Create(string path, long limit = UsualLimit)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        return new ContainerLog(path, limit) { _file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete) };
    }

    /// <summary>The first position that can still be read, and the one after the last.</summary>
    public (long Start, long End) Extent
    {
        get
        {
            lock (_gate)
            {
                return (_oldStart, _end);
            }
        }
    }

    /// <summary>Appends whole lines; a rotation never parts one.</summary>
    public void Append(ReadOnlySpan<byte> lines)
    {
        TaskCompletionSource? changed;
        lock (_gate)
        {
            if (_file is null)
            {
                return;
            }

            if (_end - _start >= _limit)
            {
                Rotate();
            }

            RandomAccess.Write(_file, lines, _end - _start);
            _end += lines.Length;
            (changed, _changed) = (_changed, null);
        }

        changed?.TrySetResult();
    }

    /// <summary>Reads what is at <paramref name="position"/>, or at the first position still there, which is then returned.</summary>
    public int Read(ref long position, Span<byte> buffer)
    {
        lock (_gate)
        {
            position = Math.Max(position, _oldStart);
            if (position >= _end)
            {
                return 0;
            }

            var (path, from, to) = position < _start ? (OldPath, _oldStart, _start) : (_path, _start, _end);
            using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return RandomAccess.Read(file, buffer[..(int)Math.Min(buffer.Length, to - position)], position - from);
        }
    }

    /// <summary>Completes once there is more to read than <paramref name="position"/>: true, or once there never will be: false.</summary>
    public async Task<bool> MoreAsync(long position, CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_end > position || _complete)
                {
                    return _end > position;
                }

                changed = (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }

            await changed.WaitAsync(ct);
        }
    }

    /// <summary>No more will be written.</summary>
    public void Complete()
    {
        TaskCompletionSource? changed;
        lock (_gate)
        {
            _complete = true;
            _file?.Dispose();
            _file = null;
            (changed, _changed) = (_changed, null);
        }

        changed?.TrySetResult();
    }

    /// <summary>Completes the log and removes its files.</summary>
    public void Delete()
    {
        Complete();
        lock (_gate)
        {
            File.Delete(_path);
            File.Delete(OldPath);
            _oldStart = _start = _end;
        }
    }

    public void Dispose() => Complete();

    private void Rotate()
    {
        _file!.Dispose();
        File.Move(_path, OldPath, overwrite: true);
        _file = File.OpenHandle(_path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
        (_oldStart, _start) = (_start, _end);
    }
}
