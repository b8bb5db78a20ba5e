using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Conntrack;

/// <summary>The connections that one network namespace follows.</summary>
/// <remarks>A namespace follows none before it has a rule that asks for it: the list is empty then.</remarks>
public sealed class ConntrackSocket : IDisposable
{
    /// <summary>More acknowledgements than this could overflow the receive buffer.</summary>
    private const int MaxDeletionsAtOnce = 1000;

    private readonly NetlinkSocket _socket;

    private ConntrackSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in a namespace, or in the calling thread's.</summary>
    public static ConntrackSocket Open(NetworkNamespace? network = null) => new(NetlinkSocket.Open(NetlinkProtocol.Netfilter, network));

    public IReadOnlyList<ConntrackEntry> Entries(ConntrackFilter? filter = null)
    {
        if (filter is null)
        {
            return Dump(null);
        }

        List<ConntrackEntry> entries;
        try
        {
            entries = Dump(filter);
        }
        catch (LinuxException e) when (e.Errno is Errno.Invalid or Errno.NotSupported)
        {
            // A kernel that chooses by less than this one can.
            entries = Dump(null);
        }

        return [.. entries.Where(filter.Matches)];
    }

    /// <summary>The connection of a tuple, in either direction; null where there is none.</summary>
    public ConntrackEntry? Find(byte protocol, ConntrackTuple tuple, ushort zone = 0)
    {
        ConntrackEntry? found = null;
        using var batch = _socket.NewBatch();
        ConntrackMessages.WriteGet(batch, protocol, tuple, zone);
        try
        {
            _socket.Request($"conntrack get {tuple}", batch, message => found = ConntrackMessages.Read(message) ?? found);
        }
        catch (LinuxException e) when (e.Errno == Errno.NoEntry)
        {
            return null;
        }

        return found;
    }

    /// <summary>Changes what is known of a connection: its mark, or in how many seconds it is forgotten.</summary>
    /// <exception cref="LinuxException">With <see cref="LinuxException.IsNotFound"/>: there is no such connection, or no more.</exception>
    public void Update(ConntrackEntry entry, uint? mark = null, uint? timeLeft = null)
    {
        ArgumentNullException.ThrowIfNull(entry);
        using var batch = _socket.NewBatch();
        ConntrackMessages.WriteUpdate(batch, entry, mark, timeLeft);
        _socket.Request($"conntrack update {entry.Original}", batch);
    }

    /// <summary>Forgets one connection.</summary>
    /// <returns>Whether it was there; one that has come in its place meanwhile is left alone.</returns>
    public bool Delete(ConntrackEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return Delete([entry]) == 1;
    }

    /// <summary>Forgets connections: their next packet is taken as a first one, and so meets the rules that are there now.</summary>
    /// <returns>How many were forgotten.</returns>
    public int Delete(ConntrackFilter filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return Delete(Entries(filter));
    }

    /// <summary>As <see cref="Delete(ConntrackFilter)"/>, for many filters with one reading of the list.</summary>
    public int Delete(Func<ConntrackEntry, bool> matches)
    {
        ArgumentNullException.ThrowIfNull(matches);
        return Delete(Entries().Where(matches));
    }

    public void Dispose() => _socket.Dispose();

    private List<ConntrackEntry> Dump(ConntrackFilter? filter)
        => _socket.Dump("conntrack list", b => ConntrackMessages.WriteDump(b, filter), ConntrackMessages.Read);

    private int Delete(IEnumerable<ConntrackEntry> entries)
    {
        var deleted = 0;
        foreach (var chunk in entries.Chunk(MaxDeletionsAtOnce))
        {
            using var batch = _socket.NewBatch();
            foreach (var entry in chunk)
            {
                ConntrackMessages.WriteDeletion(batch, entry);
            }

            foreach (var refusal in _socket.Exchange(batch))
            {
                // Gone meanwhile by itself: as good.
                if (refusal is { Errno: not Errno.NoEntry })
                {
                    throw refusal.ToException("conntrack delete");
                }

                deleted += refusal is null ? 1 : 0;
            }
        }

        return deleted;
    }
}
