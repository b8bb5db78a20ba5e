using System.Net;
using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Takes one address of a list that is read as it comes.</summary>
public delegate void AddressVisitor(scoped in AddressView address);

/// <summary>An address as it stands in the kernel's message, good for as long as the visitor runs; reading it allocates nothing.</summary>
public readonly ref struct AddressView
{
    private readonly AddressHeader _header;
    private readonly ReadOnlySpan<byte> _local;
    private readonly ReadOnlySpan<byte> _address;
    private readonly ReadOnlySpan<byte> _broadcast;
    private readonly ReadOnlySpan<byte> _label;
    private readonly ReadOnlySpan<byte> _lifetimes;

    private AddressView(AddressHeader header, AttributeReader attributes)
    {
        _header = header;
        Flags = (AddressFlags)header.Flags;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.IfaLocal:
                    _local = a.Value;
                    break;
                case RouteConstants.IfaAddress:
                    _address = a.Value;
                    break;
                case RouteConstants.IfaBroadcast:
                    _broadcast = a.Value;
                    break;
                case RouteConstants.IfaLabel:
                    _label = a.TextBytes;
                    break;
                case RouteConstants.IfaCacheInfo:
                    _lifetimes = a.Value;
                    break;
                case RouteConstants.IfaFlags:
                    Flags = (AddressFlags)a.UInt32;
                    break;
                case RouteConstants.IfaRtPriority:
                    Metric = a.UInt32;
                    break;
            }
        }
    }

    public int Link => _header.Index;

    public bool IsIPv6 => _header.Family == RouteConstants.AfInet6;

    /// <summary>The address in network byte order. IPv6 gives no local address where there is no peer.</summary>
    public ReadOnlySpan<byte> Bytes => _local.IsEmpty ? _address : _local;

    public int PrefixLength => _header.PrefixLength;

    public RouteScope Scope => (RouteScope)_header.Scope;

    public AddressFlags Flags { get; }

    public uint Metric { get; }

    /// <summary>A copy that stays good.</summary>
    public LinkAddress ToAddress()
    {
        var times = _lifetimes.Length >= 8 ? MemoryMarshal.Read<ulong>(_lifetimes) : ulong.MaxValue;
        return new(Link, new(new IPAddress(Bytes), PrefixLength))
        {
            Flags = Flags,
            Scope = Scope,
            Broadcast = _broadcast.Length == 4 ? new IPAddress(_broadcast) : null,
            Peer = _address.Length == Bytes.Length && !_address.SequenceEqual(Bytes) ? new IPAddress(_address) : null,
            Label = _label.IsEmpty ? null : Encoding.UTF8.GetString(_label),
            Preferred = Lifetime((uint)times),
            Valid = Lifetime((uint)(times >> 32)),
            Metric = Metric,
        };
    }

    /// <summary>Reads a message where it is of an address.</summary>
    internal static bool TryRead(NetlinkMessage message, out AddressView view)
    {
        var attributes = message.Attributes<AddressHeader>(out var header);
        view = default;
        if (message.Type is not (RouteConstants.RtmNewAddr or RouteConstants.RtmDelAddr)
            || header.Family is not (RouteConstants.AfInet or RouteConstants.AfInet6))
        {
            return false;
        }

        var length = header.Family == RouteConstants.AfInet6 ? 16 : 4;
        var read = new AddressView(header, attributes);
        if (read.Bytes.Length != length || header.PrefixLength > 8 * length)
        {
            return false;
        }

        view = read;
        return true;
    }

    private static TimeSpan? Lifetime(uint seconds) => seconds == uint.MaxValue ? null : TimeSpan.FromSeconds(seconds);
}
