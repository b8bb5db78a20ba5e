using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Namespaces;

/// <summary>A handle on a network namespace.</summary>
/// <remarks>
/// A namespace belongs to an OS thread, and <c>await</c> changes threads: no pool thread may ever enter one.
/// What is created inside stays inside: sockets and child processes made by the delegate of <see cref="Run{T}"/> belong to the
/// namespace for good and may be used from any thread afterwards. A delegate must not queue work: a pool thread that is born of
/// it would be born in the namespace.
/// <para>
/// A name is a file under <see cref="Root"/> with the namespace mounted on it, as <c>ip netns</c> makes them; the handle keeps
/// the namespace alive after its name is deleted.
/// </para>
/// </remarks>
public sealed class NetworkNamespace : IDisposable
{
    /// <summary>Where names live, shared with <c>ip netns</c>.</summary>
    public const string Root = "/run/netns";

    private NetworkNamespace(string path, string? name, SafeFileHandle handle)
    {
        (Path, Name, Handle) = (path, name, handle);
        Inode = InodeOf(handle, path);
    }

    /// <summary>Where it was opened. For one without a name, a path under /proc that is good while its process lives.</summary>
    public string Path { get; }

    /// <summary>The name under <see cref="Root"/>, where it was opened by one.</summary>
    public string? Name { get; }

    /// <summary>What identifies the namespace on this machine: equal for every handle on the same one.</summary>
    public ulong Inode { get; }

    internal SafeFileHandle Handle { get; }

    /// <summary>The number of the handle, for requests that name a namespace by it. It must stay open until they are sent.</summary>
    internal int Descriptor
    {
        get
        {
            ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
            return (int)Handle.DangerousGetHandle();
        }
    }

    /// <summary>Makes sure that a namespace of this name exists and opens it. Safe against others that do the same at once.</summary>
    public static NetworkNamespace Create(string name)
    {
        var path = PathOf(name);
        if (!NamedNamespaces.IsMounted(path))
        {
            OnNewThread(() =>
            {
                _ = Unshare();
                return NamedNamespaces.MountCurrent(path);
            });
        }

        return Open(name);
    }

    /// <summary>Makes a namespace of a name that is not there yet.</summary>
    /// <param name="prepare">
    /// Runs inside before the name appears, on the thread that is in it: an ownership mark made here is in the namespace for as long
    /// as anybody can have seen it. Where it throws there is no namespace.
    /// </param>
    /// <exception cref="LinuxException">The name is taken (<see cref="LinuxException.IsExists"/>); what <paramref name="prepare"/> did is gone.</exception>
    public static NetworkNamespace CreateNew(string name, Action? prepare = null)
        => CreateNew([name], prepare is null ? null : _ => prepare())[0];

    /// <summary>Makes several namespaces with one visit to a thread: all of them, or none where one fails.</summary>
    /// <param name="names">Names that are not there yet.</param>
    /// <param name="prepare">As of the other; its argument is the index of the name.</param>
    public static IReadOnlyList<NetworkNamespace> CreateNew(IReadOnlyList<string> names, Action<int>? prepare = null)
    {
        ArgumentNullException.ThrowIfNull(names);
        var paths = names.Select(PathOf).ToArray();
        var made = new List<NetworkNamespace>(paths.Length);
        try
        {
            OnNewThread(() =>
            {
                for (var i = 0; i < paths.Length; i++)
                {
                    _ = Unshare();
                    prepare?.Invoke(i);
                    var handle = NamedNamespaces.Open("/proc/thread-self/ns/net");
                    if (!NamedNamespaces.MountCurrent(paths[i]))
                    {
                        handle.Dispose();
                        throw new LinuxException($"create network namespace {names[i]}", Errno.Exists);
                    }

                    made.Add(new(paths[i], names[i], handle));
                }

                return true;
            });
        }
        catch
        {
            foreach (var network in made)
            {
                network.Dispose();
                _ = Delete(network.Name!);
            }

            throw;
        }

        return made;
    }

    /// <summary>Opens a namespace by name; an empty file left by a killed creation is not one.</summary>
    public static NetworkNamespace Open(string name)
    {
        var path = PathOf(name);
        return new(path, name, NamedNamespaces.Open(path));
    }

    /// <summary>Opens a namespace by the path of its file, as a container runtime passes it.</summary>
    public static NetworkNamespace OpenPath(string path)
    {
        var handle = NamedNamespaces.Open(path);
        var name = System.IO.Path.GetDirectoryName(path) is Root or "/var/run/netns" ? System.IO.Path.GetFileName(path) : null;
        return new(path, name, handle);
    }

    /// <summary>Opens the namespace a process is in.</summary>
    public static NetworkNamespace OpenProcess(int pid)
        => OpenPath(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/ns/net"));

    /// <summary>Opens the namespace of the calling thread.</summary>
    public static NetworkNamespace Current() => OpenPath("/proc/thread-self/ns/net");

    /// <summary>Opens the namespace a socket was made in.</summary>
    internal static NetworkNamespace OfSocket(SafeHandle socket)
        => new("socket", null, Libc.Handle(Libc.ioctl(socket, Libc.SocketNamespace, 0), "network namespace of a socket"));

    /// <summary>Removes a name; the namespace itself ends with its last process, socket and handle.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool Delete(string name) => NamedNamespaces.Delete(PathOf(name));

    /// <summary>Removes the empty file that a creation or removal left when it was killed; a namespace of that name stays.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool DeleteLeftover(string name) => NamedNamespaces.DeleteLeftover(PathOf(name));

    /// <summary>Whether a namespace of this name exists.</summary>
    public static bool Exists(string name) => NamedNamespaces.IsMounted(PathOf(name));

    /// <summary>The names that exist, sorted. Leftover empty files are not among them.</summary>
    public static IReadOnlyList<string> List() => NamedNamespaces.List();

    /// <summary>Every network namespace of this machine that has a name or a process in it, by its number.</summary>
    /// <remarks>Processes that end meanwhile, or that we may not look at, are not among them; nor are namespaces that only a handle keeps.</remarks>
    public static IReadOnlyList<NamespaceEntry> ListAll() => NamedNamespaces.ListAll();

    /// <summary>Runs a <b>synchronous</b> delegate inside the namespace, on a thread of its own that then ends.</summary>
    public void Run(Action body) => Run(() =>
    {
        body();
        return true;
    });

    /// <summary>Runs a <b>synchronous</b> delegate inside the namespace, on a thread of its own that then ends.</summary>
    public T Run<T>(Func<T> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        if (typeof(T).IsAssignableTo(typeof(Task)) || typeof(T) == typeof(ValueTask)
            || (typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(ValueTask<>)))
        {
            throw new ArgumentException("an asynchronous body would go on outside the namespace: create the socket inside, await it outside", nameof(body));
        }

        return OnNewThread(() =>
        {
            Enter();
            return body();
        });
    }

    public void Dispose() => Handle.Dispose();

    public override string ToString() => Name ?? Path;

    /// <summary>Moves the calling thread in, for good: only for threads that end afterwards.</summary>
    internal void Enter() => _ = LinuxException.ThrowIfFailed(Libc.setns(Handle, Libc.CloneNewNet), $"setns {Path}");

    /// <summary>Runs a delegate on a thread that nothing else ever runs on.</summary>
    internal static T OnNewThread<T>(Func<T> body)
    {
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                result = body();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        {
            IsBackground = true,
            Name = "namespace",
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    private static int Unshare() => LinuxException.ThrowIfFailed(Libc.unshare(Libc.CloneNewNet), "unshare network namespace");

    private static string PathOf(string name)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        return name is "." or ".." || name.Contains('/', StringComparison.Ordinal) || name.Contains('\0', StringComparison.Ordinal) || name.Length > 255
            ? throw new ArgumentException($"'{name}' cannot be the name of a namespace", nameof(name))
            : $"{Root}/{name}";
    }

    internal static unsafe ulong InodeOf(SafeFileHandle handle, string path)
    {
        // struct stat differs between machines, but its second eight bytes are st_ino on all that we build for.
        var stat = stackalloc byte[256];
        _ = LinuxException.ThrowIfFailed(Libc.fstat(handle, stat), $"fstat {path}");
        return *(ulong*)(stat + 8);
    }
}

/// <summary>A network namespace of this machine, and who is in it.</summary>
/// <param name="Inode">What identifies it; see <see cref="NetworkNamespace.Inode"/>.</param>
/// <param name="Names">Its names under <see cref="NetworkNamespace.Root"/>, sorted.</param>
/// <param name="Processes">The processes in it, sorted.</param>
public sealed record NamespaceEntry(ulong Inode, ValueArray<string> Names, ValueArray<int> Processes);
