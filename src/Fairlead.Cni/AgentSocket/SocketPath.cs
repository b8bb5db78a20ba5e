using System.Net.Sockets;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Cni.AgentSocket;

/// <summary>The address of a Unix socket, of a path of any length.</summary>
/// <remarks>
/// The kernel takes 107 bytes (unix(7)), which the folders of a test or a lab easily pass. A longer path is reached by a handle on its
/// folder, which is open until this is disposed of.
/// </remarks>
public sealed class SocketPath : IDisposable
{
    private const int Longest = 107;
    private readonly SafeFileHandle? _folder;

    /// <exception cref="IOException">The path is long, and its folder cannot be opened.</exception>
    public SocketPath(string path)
    {
        if (Encoding.UTF8.GetByteCount(path) > Longest)
        {
            var folder = Path.GetDirectoryName(path)!;
            _folder = new SafeFileHandle(Libc.Check(Libc.open(folder, Libc.OpenPathOnly | Libc.OpenCloseOnExec, 0), $"open {folder}"), ownsHandle: true);
            path = $"/proc/self/fd/{_folder.DangerousGetHandle()}/{Path.GetFileName(path)}";
        }

        EndPoint = new UnixDomainSocketEndPoint(path);
    }

    /// <summary>For bind and connect.</summary>
    public UnixDomainSocketEndPoint EndPoint { get; }

    public void Dispose() => _folder?.Dispose();
}
