using System.Runtime.InteropServices;
using System.Text;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Takes one interface of a list that is read as it comes.</summary>
public delegate void LinkVisitor(scoped in LinkView link);

/// <summary>An interface as it stands in the kernel's message, good for as long as the visitor runs; reading it allocates nothing.</summary>
public readonly ref struct LinkView
{
    private readonly LinkHeader _header;
    private readonly ReadOnlySpan<byte> _mac;
    private readonly ReadOnlySpan<byte> _alias;
    private readonly ReadOnlySpan<byte> _names;
    private readonly ReadOnlySpan<byte> _data;
    private readonly ReadOnlySpan<byte> _port;
    private readonly ReadOnlySpan<byte> _statistics;

    private LinkView(LinkHeader header, AttributeReader attributes)
    {
        _header = header;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.IflaIfName:
                    Name = a.TextBytes;
                    break;
                case RouteConstants.IflaAddress:
                    _mac = a.Value;
                    break;
                case RouteConstants.IflaMtu:
                    Mtu = a.Int32;
                    break;
                case RouteConstants.IflaMaster:
                    Master = a.Int32;
                    break;
                case RouteConstants.IflaLink:
                    Peer = a.Int32;
                    break;
                case RouteConstants.IflaLinkNetNsId:
                    PeerNamespaceId = a.Int32;
                    break;
                case RouteConstants.IflaGroup:
                    Group = a.UInt32;
                    break;
                case RouteConstants.IflaTxQueueLength:
                    TxQueueLength = a.Int32;
                    break;
                case RouteConstants.IflaOperState:
                    State = (LinkState)a.Byte;
                    break;
                case RouteConstants.IflaIfAlias:
                    _alias = a.Value;
                    break;
                case RouteConstants.IflaPropList:
                    _names = a.Value;
                    break;
                case RouteConstants.IflaStatistics64:
                    _statistics = a.Value;
                    break;
                case RouteConstants.IflaLinkInfo:
                    var info = a.Nested;
                    while (info.TryRead(out var i))
                    {
                        switch (i.Type)
                        {
                            case RouteConstants.IflaInfoKind:
                                Kind = i.TextBytes;
                                break;
                            case RouteConstants.IflaInfoData:
                                _data = i.Value;
                                break;
                            case RouteConstants.IflaInfoSlaveKind:
                                PortKind = i.TextBytes;
                                break;
                            case RouteConstants.IflaInfoSlaveData:
                                _port = i.Value;
                                break;
                        }
                    }

                    break;
            }
        }
    }

    public int Index => _header.Index;

    /// <summary>The name in UTF-8.</summary>
    public ReadOnlySpan<byte> Name { get; }

    public ReadOnlySpan<byte> Kind { get; }

    /// <summary>The kind of the interface it is a port of.</summary>
    public ReadOnlySpan<byte> PortKind { get; }

    public MacAddress? Mac => _mac.Length == MacAddress.Length ? new MacAddress(_mac) : null;

    public int Mtu { get; }

    public int? Master { get; }

    public int? Peer { get; }

    public int? PeerNamespaceId { get; }

    public uint Group { get; }

    public int TxQueueLength { get; }

    public LinkState State { get; }

    public bool Up => (_header.Flags & RouteConstants.IffUp) != 0;

    public bool Running => (_header.Flags & RouteConstants.IffLowerUp) != 0;

    /// <summary>What went through it.</summary>
    public LinkStatistics? Statistics
    {
        get
        {
            // struct rtnl_link_stats64 begins with these; each kernel adds more behind.
            if (_statistics.Length < 9 * sizeof(ulong))
            {
                return null;
            }

            return new(At(0), At(1), At(2), At(3), At(4), At(5), At(6), At(7), At(8));
        }
    }

    /// <summary>Whether this is its name or one of its further ones.</summary>
    public bool HasName(ReadOnlySpan<byte> name)
    {
        if (Name.SequenceEqual(name))
        {
            return true;
        }

        var names = new AttributeReader(_names);
        while (names.TryRead(out var a))
        {
            if (a.Type == RouteConstants.IflaAltIfName && a.TextBytes.SequenceEqual(name))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>A copy that stays good.</summary>
    /// <param name="statistics">With what went through it; without, it equals another one as long as nothing was changed.</param>
    public Link ToLink(bool statistics = false)
    {
        var kind = Encoding.UTF8.GetString(Kind);
        return new()
        {
            Index = Index,
            Name = Encoding.UTF8.GetString(Name),
            Kind = kind,
            Mac = Mac,
            Mtu = Mtu,
            Master = Master,
            Up = Up,
            Running = Running,
            Promiscuous = (_header.Flags & RouteConstants.IffPromiscuous) != 0,
            AllMulticast = (_header.Flags & RouteConstants.IffAllMulticast) != 0,
            Group = Group,
            TxQueueLength = TxQueueLength,
            State = State,
            AltNames = ReadAltNames(new(_names)),
            Alias = _alias.IsEmpty ? null : new NetlinkAttribute(0, _alias).Text,
            Peer = Peer,
            PeerNamespaceId = PeerNamespaceId,
            Details = LinkDetailsReader.Read(kind, new(_data)),
            Port = PortKind.SequenceEqual("bridge"u8) ? LinkDetailsReader.ReadPort(new(_port)) : null,
            Statistics = statistics ? Statistics : null,
        };
    }

    /// <summary>Reads a message where it is of an interface.</summary>
    internal static bool TryRead(NetlinkMessage message, out LinkView view)
    {
        var attributes = message.Attributes<LinkHeader>(out var header);
        if (message.Type is not (RouteConstants.RtmNewLink or RouteConstants.RtmDelLink) || header.Family != RouteConstants.AfUnspec)
        {
            view = default;
            return false;
        }

        view = new(header, attributes);
        return true;
    }

    private ulong At(int index) => MemoryMarshal.Read<ulong>(_statistics[(index * sizeof(ulong))..]);

    private static ValueArray<string> ReadAltNames(AttributeReader attributes)
    {
        List<string>? names = null;
        while (attributes.TryRead(out var a))
        {
            if (a.Type == RouteConstants.IflaAltIfName)
            {
                (names ??= []).Add(a.Text);
            }
        }

        return names is null ? [] : [.. names.Order(StringComparer.Ordinal)];
    }
}
