using System.Runtime.CompilerServices;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Conntrack;

/// <summary>Listens to what becomes of the connections of one network namespace, from when it is opened.</summary>
/// <remarks>
/// Open it, read the list, then read the events: so nothing falls between. Where <c>net.netfilter.nf_conntrack_events</c> is 2, as it is
/// if nobody said otherwise, a connection tells of itself only if somebody listened already when it began; 1 makes all tell.
/// </remarks>
public sealed class ConntrackMonitor : IDisposable
{
    private readonly NetlinkListener _listener;

    private ConntrackMonitor(NetlinkListener listener) => _listener = listener;

    public static ConntrackMonitor Open(NetworkNamespace? network = null, ConntrackChanges changes = ConntrackChanges.All)
        => Open(network, changes, receiveBuffer: null);

    /// <summary>As the other, with room for so many bytes of waiting events. NFNLGRP_CONNTRACK_NEW, _UPDATE and _DESTROY are the first three groups.</summary>
    internal static ConntrackMonitor Open(NetworkNamespace? network, ConntrackChanges changes, int? receiveBuffer)
        => new(NetlinkListener.Open(NetlinkProtocol.Netfilter, (uint)changes, network, receiveBuffer));

    /// <summary>
    /// The events, until cancelled; then the monitor is closed. Where there were more than the reader took, the kernel drops some:
    /// then comes <see cref="ConntrackChange.Resynchronise"/>, and it goes on with what came after.
    /// </summary>
    public async IAsyncEnumerable<ConntrackEvent> ReadAllAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        using (this)
        {
            while (true)
            {
                foreach (var change in await NextAsync(ct))
                {
                    yield return change;
                }
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    internal static List<ConntrackEvent> Read(ReadOnlySpan<byte> datagram)
    {
        var events = new List<ConntrackEvent>();
        var reader = new NetlinkReader(datagram);
        while (reader.TryRead(out var message))
        {
            if (ConntrackMessages.ReadEvent(message) is { } change)
            {
                events.Add(change);
            }
        }

        return events;
    }

    private async ValueTask<List<ConntrackEvent>> NextAsync(CancellationToken ct)
    {
        try
        {
            return Read((await _listener.ReceiveAsync(ct)).Span);
        }
        catch (NetlinkOverrunException)
        {
            return [new(ConntrackChange.Resynchronise, null)];
        }
    }
}
