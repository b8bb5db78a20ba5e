using System.Net;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Takes one neighbour or entry of a forwarding database, of a list that is read as it comes.</summary>
public delegate void NeighbourVisitor(scoped in NeighbourView neighbour);

/// <summary>A neighbour, or an entry of a forwarding database, as it stands in the kernel's message; good for as long as the visitor runs, and reading it allocates nothing.</summary>
public readonly ref struct NeighbourView
{
    private readonly NeighbourHeader _header;
    private readonly ReadOnlySpan<byte> _mac;
    private readonly int? _udpPort;
    private readonly int? _vni;
    private readonly int? _sourceVni;
    private readonly int? _device;

    private NeighbourView(NeighbourHeader header, AttributeReader attributes)
    {
        _header = header;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.NdaDst:
                    Address = a.Value;
                    break;
                case RouteConstants.NdaLladdr:
                    _mac = a.Value;
                    break;
                case RouteConstants.NdaPort:
                    _udpPort = a.BigEndian16;
                    break;
                case RouteConstants.NdaVni:
                    _vni = a.Int32;
                    break;
                case RouteConstants.NdaSrcVni:
                    _sourceVni = a.Int32;
                    break;
                case RouteConstants.NdaVlan:
                    Vlan = a.UInt16;
                    break;
                case RouteConstants.NdaMaster:
                    Master = a.Int32;
                    break;
                case RouteConstants.NdaIfIndex:
                    _device = a.Int32;
                    break;
                case RouteConstants.NdaProtocol:
                    Protocol = (RouteProtocol)a.Byte;
                    break;
            }
        }
    }

    public int Link => _header.Index;

    /// <summary>It is of a forwarding database: where an Ethernet address is; else where an IP address is.</summary>
    public bool IsFdb => _header.Family == RouteConstants.AfBridge;

    public bool IsIPv6 => _header.Family == RouteConstants.AfInet6;

    /// <summary>The neighbour's address in network byte order; of a VXLAN's entry, the machine to send to, or empty.</summary>
    public ReadOnlySpan<byte> Address { get; }

    public MacAddress? Mac => _mac.Length == MacAddress.Length ? new MacAddress(_mac) : null;

    public NeighbourState State => (NeighbourState)_header.State;

    public NeighbourFlags Flags => (NeighbourFlags)_header.Flags;

    public int? Vlan { get; }

    public int? Master { get; }

    public RouteProtocol Protocol { get; }

    /// <summary>A copy that stays good; null where it is of a forwarding database.</summary>
    public Neighbour? ToNeighbour()
        => IsFdb || Address.Length != (IsIPv6 ? 16 : 4) ? null : new(Link, new IPAddress(Address), Mac)
        {
            State = State,
            Proxy = (Flags & NeighbourFlags.Proxy) != 0,
            Flags = Flags & ~NeighbourFlags.Proxy,
            Protocol = Protocol,
        };

    /// <summary>A copy that stays good; null where it is of no forwarding database.</summary>
    public FdbEntry? ToFdbEntry() => !IsFdb ? null : new(Link, Mac ?? MacAddress.Zero)
    {
        Destination = Address.Length is 4 or 16 ? new IPAddress(Address) : null,
        UdpPort = _udpPort,
        Vni = _vni,
        SourceVni = _sourceVni,
        Device = _device,
        Vlan = Vlan,
        Master = Master,
        Self = (Flags & NeighbourFlags.Self) != 0,
        Flags = Flags & ~(NeighbourFlags.Self | NeighbourFlags.Master),

        // The kernel says NoArp with Permanent for each entry that a person made; one of the two is enough here.
        State = (State & NeighbourState.Permanent) != 0 ? NeighbourState.Permanent : State,
    };

    /// <summary>Reads a message where it is of a neighbour or of an entry of a forwarding database.</summary>
    internal static bool TryRead(NetlinkMessage message, out NeighbourView view)
    {
        var attributes = message.Attributes<NeighbourHeader>(out var header);
        view = default;
        if (message.Type is not (RouteConstants.RtmNewNeigh or RouteConstants.RtmDelNeigh)
            || header.Family is not (RouteConstants.AfInet or RouteConstants.AfInet6 or RouteConstants.AfBridge))
        {
            return false;
        }

        view = new(header, attributes);
        return true;
    }
}
