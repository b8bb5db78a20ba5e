using System.Runtime.CompilerServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Generic;

/// <summary>Makes an object of an event, or null where it is none.</summary>
internal delegate T? GenericParser<T>(scoped NetlinkMessage message)
    where T : class;

/// <summary>Listens to groups of generic netlink families, from when it is opened.</summary>
internal sealed class GenericMonitor : IDisposable
{
    private readonly NetlinkListener _listener;

    private GenericMonitor(NetlinkListener listener) => _listener = listener;

    internal static GenericMonitor Open(NetworkNamespace? network, params ReadOnlySpan<uint> groups)
    {
        // Numbers of groups go beyond what fits the address of a socket.
        var listener = NetlinkListener.Open(NetlinkProtocol.Generic, groups: 0, network);
        try
        {
            foreach (var group in groups)
            {
                listener.Join(group);
            }

            return new(listener);
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    /// <summary>The events, until cancelled; null where some were lost, and what is known must be read anew.</summary>
    internal async IAsyncEnumerable<T?> ReadAllAsync<T>(GenericParser<T> read, [EnumeratorCancellation] CancellationToken ct = default)
        where T : class
    {
        using (this)
        {
            while (true)
            {
                foreach (var item in await NextAsync(read, ct))
                {
                    yield return item;
                }
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    private async ValueTask<List<T?>> NextAsync<T>(GenericParser<T> read, CancellationToken ct)
        where T : class
    {
        try
        {
            return Read((await _listener.ReceiveAsync(ct)).Span, read);
        }
        catch (NetlinkOverrunException)
        {
            return [null];
        }
    }

    private static List<T?> Read<T>(ReadOnlySpan<byte> datagram, GenericParser<T> read)
        where T : class
    {
        var items = new List<T?>();
        var reader = new NetlinkReader(datagram);
        while (reader.TryRead(out var message))
        {
            if (read(message) is { } item)
            {
                items.Add(item);
            }
        }

        return items;
    }
}
