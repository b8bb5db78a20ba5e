using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Nftables;

/// <summary>Keeps one table as it is wanted to be, at the cost of what changes, and so that every packet meets the old state or the new one.</summary>
/// <remarks>
/// What is new is made first, then rules and elements go over to it, and what is not wanted any more is removed last: a packet that
/// is on its way while a change comes into force may still look at the old rules and already at the new sets. What the kernel holds is
/// read at the start and when somebody else changed something. Not for several threads at once.
/// </remarks>
public sealed class NftTableKeeper(NftFamily family, string table, NetworkNamespace? network = null) : IDisposable
{
    private const int Attempts = 5;

    /// <summary>Kept open: closing one makes the kernel wait until all that its last transaction removed is freed.</summary>
    private NftablesSocket? _socket;
    private NftTableContent? _actual;
    private uint _generation;

    /// <summary>What the kernel names our changes with; 0, which no socket of a process has, before the first.</summary>
    public uint PortId => Volatile.Read(ref _socket)?.PortId ?? 0;

    /// <summary>Makes the table what a transaction would make of an empty one.</summary>
    /// <param name="wanted">Adds the table, and sets, chains, rules and elements to it, and nothing else.</param>
    /// <returns>Whether anything was written.</returns>
    /// <exception cref="LinuxException">The kernel refused; the table is read anew the next time.</exception>
    public bool Keep(NftTransaction wanted)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        var desired = NftTableContent.Of(wanted);
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var socket = _socket ??= NftablesSocket.Open(network);
                var generation = socket.Generation();
                if (_actual is null || generation != _generation)
                {
                    _actual = NftTableContent.Read(socket, family, table);
                    _generation = generation;
                }

                return Bring(socket, desired);
            }
            catch (LinuxException e) when (e.Errno == Errno.Restart && attempt < Attempts)
            {
                // Somebody changed something between the reading and the writing.
                _actual = null;
            }
            catch
            {
                Dispose();
                throw;
            }
        }
    }

    /// <summary>Removes the table.</summary>
    public void Remove()
    {
        using var socket = NftablesSocket.Open(network);
        if (socket.HasTable(family, table))
        {
            socket.Commit(new NftTransaction(family, table).Add(new DeleteTable()));
        }

        Dispose();
    }

    /// <summary>The rules of the table now, with what they have counted.</summary>
    public IReadOnlyList<NftRuleEntry> Rules()
    {
        using var socket = NftablesSocket.Open(network);
        return socket.Rules(family, table);
    }

    /// <summary>Forgets what is known; the kernel keeps its table.</summary>
    public void Dispose()
    {
        _socket?.Dispose();
        (_socket, _actual) = (null, null);
    }

    private bool Bring(NftablesSocket socket, NftTableContent desired)
    {
        var steps = desired.StepsFrom(_actual!);
        foreach (var step in steps)
        {
            socket.Commit(new NftTransaction(family, table).AddRange(step), _generation);
            _generation = unchecked(_generation + 1);
            _generation = _generation == 0 ? 1 : _generation;
        }

        _actual = desired;
        return steps.Count > 0;
    }
}
