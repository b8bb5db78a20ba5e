using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Generic;

/// <summary>Writes the attributes of a generic netlink message.</summary>
internal delegate void GenericPart(ref NetlinkWriter w);

/// <summary>Generic netlink in one network namespace: finds families by name, and speaks to them.</summary>
/// <remarks>A family of the kernel's that is a module is loaded when it is asked for, where modules can be.</remarks>
public sealed class GenericSocket : IDisposable
{
    private readonly NetlinkSocket _socket;

    private GenericSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in a namespace, or in the calling thread's.</summary>
    public static GenericSocket Open(NetworkNamespace? network = null) => new(NetlinkSocket.Open(NetlinkProtocol.Generic, network));

    /// <summary>The families there are, by name.</summary>
    public IReadOnlyList<GenericFamily> Families()
        =>
        [
            .. _socket.Dump("generic netlink family list", b => GenericMessages.Write(b, GenericMessages.Control, GenericMessages.GetFamily, NetlinkFlags.Dump, null), GenericMessages.ReadFamily)
                .OrderBy(f => f.Name, StringComparer.Ordinal),
        ];

    /// <summary>A family, or null where this kernel has none of that name.</summary>
    public GenericFamily? Find(string name)
    {
        GenericFamily? family = null;
        using var batch = _socket.NewBatch();
        GenericMessages.Write(
            batch, GenericMessages.Control, GenericMessages.GetFamily, NetlinkFlags.Ack, (ref NetlinkWriter w) => w.Attribute(GenericMessages.FamilyName, name));
        try
        {
            _ = _socket.Request($"generic netlink family {name}", batch, message => family = GenericMessages.ReadFamily(message) ?? family);
        }
        catch (LinuxException e) when (e.Errno == Errno.NoEntry)
        {
            return null;
        }

        return family;
    }

    /// <summary>A family that must be there.</summary>
    /// <exception cref="LinuxException">This kernel has none of that name; <see cref="LinuxException.IsNotFound"/>.</exception>
    public GenericFamily Get(string name)
        => Find(name) ?? throw new LinuxException($"generic netlink family {name}", Errno.NoEntry, "this kernel does not have it, or not its module");

    public void Dispose() => _socket.Dispose();

    /// <summary>Sends one command and gives its answers to the visitor.</summary>
    internal void Request(GenericFamily family, byte command, GenericPart? attributes = null, NetlinkVisitor? visitor = null)
    {
        using var batch = _socket.NewBatch();
        GenericMessages.Write(batch, family, command, NetlinkFlags.Ack, attributes);
        _ = _socket.Request($"{family.Name} command {command}", batch, visitor);
    }

    /// <summary>Reads a list; again from its start where it changed meanwhile.</summary>
    internal IReadOnlyList<T> Dump<T>(GenericFamily family, byte command, NetlinkParser<T> read, GenericPart? attributes = null)
        where T : class
        => _socket.Dump($"{family.Name} list {command}", b => GenericMessages.Write(b, family, command, NetlinkFlags.Dump, attributes), read);
}
