using System.Security.Cryptography;
using System.Text;
using Fairlead.Cni.Protocol;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cni.Runtime;

/// <summary>The <see cref="AttachmentGate"/> among processes: those that share a cache folder share its lock file.</summary>
/// <remarks>
/// A container is a byte of the file, by the hash of its id, so that no file is left behind for each; GC takes all of them. Byte 0 is
/// a turnstile that everybody passes and GC holds: who comes after GC waits for it, or it would never have its turn. The kernel gives
/// the locks back however a process ends.
/// </remarks>
internal sealed class RuntimeLock(string folder, TimeProvider time)
{
    private const string FileName = "fairlead.lock";
    private const short Shared = 0; // F_RDLCK
    private const short Exclusive = 1; // F_WRLCK
    private const short Unlock = 2; // F_UNLCK
    private static readonly TimeSpan s_firstWait = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan s_longestWait = TimeSpan.FromMilliseconds(50);

    public Task<IDisposable> EnterAsync(string containerId, CancellationToken ct) => EnterAsync(Shared, ByteOf(containerId), 1, ct);

    public Task<IDisposable> EnterAloneAsync(CancellationToken ct) => EnterAsync(Exclusive, 1, 0, ct);

    private async Task<IDisposable> EnterAsync(short turnstile, long start, long length, CancellationToken ct)
    {
        var file = Open();
        try
        {
            await LockAsync(file, turnstile, 0, 1, ct);
            await LockAsync(file, Exclusive, start, length, ct);
            Libc.TryLockRange(file, Unlock, 0, 1);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Tries again and again: the call that waits could not be cancelled.</summary>
    private async Task LockAsync(SafeFileHandle file, short kind, long start, long length, CancellationToken ct)
    {
        for (var wait = s_firstWait; !Libc.TryLockRange(file, kind, start, length); wait = wait < s_longestWait ? wait * 2 : s_longestWait)
        {
            await Task.Delay(wait, time, ct);
        }
    }

    private SafeFileHandle Open()
    {
        try
        {
            Directory.CreateDirectory(folder);
            return File.OpenHandle(Path.Combine(folder, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniErrorCode.InputOutput, $"cache folder: {e.Message}", inner: e);
        }
    }

    private static long ByteOf(string containerId)
        => 1 + (BitConverter.ToInt64(SHA256.HashData(Encoding.UTF8.GetBytes(containerId))) & 0x3fff_ffff_ffff_ffff);
}
