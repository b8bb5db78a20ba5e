using System.Runtime.CompilerServices;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>A change of a table: which one, and whose socket asked for it.</summary>
/// <param name="PortId">The <see cref="NftablesSocket.PortId"/> of who made it, so that a listener knows its own.</param>
public readonly record struct NftChange(NftFamily Family, string Table, uint PortId)
{
    /// <summary>Whether events were lost: then this is of no one table, and everything must be read anew.</summary>
    public bool IsResynchronise { get; init; }
}

/// <summary>Listens to the changes of the nftables of one network namespace, from when it is opened.</summary>
/// <remarks>One transaction on a table is told once, however many elements it has, or a few times where it fills several datagrams.</remarks>
public sealed class NftablesMonitor : IChangeMonitor<NftChange>
{
    /// <summary>NFNLGRP_NFTABLES, the seventh group (linux/netfilter/nfnetlink.h).</summary>
    private const uint Group = 1u << 6;

    private readonly NetlinkListener _listener;

    private NftablesMonitor(NetlinkListener listener) => _listener = listener;

    public static NftablesMonitor Open(NetworkNamespace? network = null) => Open(network, receiveBuffer: null);

    /// <summary>As the other, with room for so many bytes of waiting events.</summary>
    internal static NftablesMonitor Open(NetworkNamespace? network, int? receiveBuffer)
        => new(NetlinkListener.Open(NetlinkProtocol.Netfilter, Group, network, receiveBuffer));

    /// <summary>
    /// The changes, until cancelled; then the monitor is closed. Where there were more than the reader took, the kernel drops some:
    /// then comes one that is <see cref="NftChange.IsResynchronise"/>, and it goes on with what came after.
    /// </summary>
    public async IAsyncEnumerable<NftChange> ReadAllAsync([EnumeratorCancellation] CancellationToken ct = default)
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

    private async ValueTask<List<NftChange>> NextAsync(CancellationToken ct)
    {
        try
        {
            return Read((await _listener.ReceiveAsync(ct)).Span);
        }
        catch (NetlinkOverrunException)
        {
            return [new(0, "", 0) { IsResynchronise = true }];
        }
    }

    /// <summary>Each table of a datagram once. Its name is the first attribute of every kind of message but those about generations.</summary>
    internal static List<NftChange> Read(ReadOnlySpan<byte> datagram)
    {
        var changes = new List<NftChange>();
        var reader = new NetlinkReader(datagram);
        while (reader.TryRead(out var message))
        {
            if (message.Type >> 8 != NftConstants.Subsystem || message.Type == NftConstants.Message(NftConstants.NewGen))
            {
                continue;
            }

            var attributes = message.Attributes<uint>(out var header);
            while (attributes.TryRead(out var attribute))
            {
                if (attribute.Type == NftConstants.TableName)
                {
                    var change = new NftChange((NftFamily)(byte)header, attribute.Text, message.PortId);
                    if (changes.Count == 0 || changes[^1] != change)
                    {
                        changes.Add(change);
                    }

                    break;
                }
            }
        }

        return changes;
    }
}
