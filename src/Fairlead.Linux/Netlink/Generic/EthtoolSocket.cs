using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Generic;

/// <summary>What interfaces do in the place of the processor, and whether they shall (<c>ethtool -k</c>; linux/ethtool_netlink.h).</summary>
public sealed class EthtoolSocket : IDisposable
{
    /// <summary>The interface sums up what it sends, whatever the protocol.</summary>
    public const string TxChecksumIpGeneric = "tx-checksum-ip-generic";

    private const byte FeaturesGet = 11;
    private const byte FeaturesSet = 12;

    private const ushort Header = 1;
    private const ushort HeaderIndex = 1;
    private const ushort Wanted = 3;
    private const ushort Active = 4;
    private const ushort BitsetBits = 3;
    private const ushort BitsetBit = 1;
    private const ushort BitName = 2;
    private const ushort BitValue = 3;

    private readonly GenericSocket _socket;
    private readonly GenericFamily _family;

    private EthtoolSocket(GenericSocket socket, GenericFamily family) => (_socket, _family) = (socket, family);

    /// <summary>Opens a socket in a namespace, or in the calling thread's.</summary>
    /// <exception cref="LinuxException">The kernel has no such family (CONFIG_ETHTOOL_NETLINK).</exception>
    public static EthtoolSocket Open(NetworkNamespace? network = null)
    {
        var socket = GenericSocket.Open(network);
        try
        {
            return new(socket, socket.Get("ethtool"));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Whether an interface has a feature in use.</summary>
    public bool IsActive(int link, string feature)
    {
        var active = false;
        _socket.Request(_family, FeaturesGet, (ref NetlinkWriter w) => WriteHeader(ref w, link), message =>
        {
            var attributes = GenericMessages.Read(message, _family, out _);
            while (attributes.TryRead(out var a))
            {
                active |= a.Type == Active && HasBit(a.Nested, feature);
            }
        });
        return active;
    }

    /// <summary>Switches a feature off; others stay as they are.</summary>
    public void SwitchOff(int link, string feature) => Set(link, feature, on: false);

    /// <summary>Switches a feature on, where the interface has it.</summary>
    public void SwitchOn(int link, string feature) => Set(link, feature, on: true);

    public void Dispose() => _socket.Dispose();

    private void Set(int link, string feature, bool on)
        => _socket.Request(_family, FeaturesSet, (ref NetlinkWriter w) =>
        {
            WriteHeader(ref w, link);
            var wanted = w.BeginNested(Wanted);
            var bits = w.BeginNested(BitsetBits);
            var bit = w.BeginNested(BitsetBit);
            w.Attribute(BitName, feature);
            if (on)
            {
                w.Flag(BitValue);
            }

            w.EndNested(bit);
            w.EndNested(bits);
            w.EndNested(wanted);
        });

    private static void WriteHeader(ref NetlinkWriter w, int link)
    {
        var header = w.BeginNested(Header);
        w.Attribute(HeaderIndex, (uint)link);
        w.EndNested(header);
    }

    /// <summary>A list without a mask names the bits that are set.</summary>
    private static bool HasBit(AttributeReader bitset, string name)
    {
        while (bitset.TryRead(out var part))
        {
            if (part.Type != BitsetBits)
            {
                continue;
            }

            var bits = part.Nested;
            while (bits.TryRead(out var bit))
            {
                var fields = bit.Nested;
                while (fields.TryRead(out var field))
                {
                    if (field.Type == BitName && field.Text == name)
                    {
                        return true;
                    }
                }
            }
        }

        return false;
    }
}
