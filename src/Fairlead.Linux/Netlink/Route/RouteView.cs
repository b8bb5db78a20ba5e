using System.Net;
using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Takes one route of a list that is read as it comes.</summary>
public delegate void RouteVisitor(scoped in RouteView route);

/// <summary>A route as it stands in the kernel's message, good for as long as the visitor runs; reading it allocates nothing.</summary>
public readonly ref struct RouteView
{
    /// <summary>What IPv6 takes where no metric is given. It reads as none, so that a route read equals the one written.</summary>
    private const uint DefaultMetric6 = 1024;

    private readonly RouteHeader _header;
    private readonly ReadOnlySpan<byte> _metrics;
    private readonly ReadOnlySpan<byte> _hops;
    private readonly TimeSpan? _expires;

    private RouteView(RouteHeader header, AttributeReader attributes)
    {
        _header = header;
        Table = header.Table;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.RtaDst:
                    Destination = a.Value;
                    break;
                case RouteConstants.RtaGateway:
                    Gateway = a.Value;
                    break;
                case RouteConstants.RtaVia when a.Value.Length is 6 or 18:
                    Gateway = a.Value[2..];
                    break;
                case RouteConstants.RtaOif:
                    Link = a.Int32;
                    break;
                case RouteConstants.RtaPrefSrc:
                    Source = a.Value;
                    break;
                case RouteConstants.RtaPriority:
                    Metric = IsIPv6 && a.UInt32 == DefaultMetric6 ? 0 : a.UInt32;
                    break;
                case RouteConstants.RtaTable:
                    Table = a.UInt32;
                    break;
                case RouteConstants.RtaMetrics:
                    _metrics = a.Value;
                    break;
                case RouteConstants.RtaMultipath:
                    _hops = a.Value;
                    break;
                case RouteConstants.RtaExpires:
                    _expires = TimeSpan.FromSeconds(a.UInt32);
                    break;

                // Said in seconds and told in hundredths: struct rta_cacheinfo, the third number.
                case RouteConstants.RtaCacheInfo when a.Value.Length >= 12 && MemoryMarshal.Read<int>(a.Value[8..]) is var hundredths and > 0:
                    _expires = TimeSpan.FromSeconds((hundredths + 50) / 100);
                    break;
            }
        }

        // IPv6 ties what leads nowhere to the loopback.
        if (Type is RouteType.Blackhole or RouteType.Unreachable or RouteType.Prohibit or RouteType.Throw)
        {
            Link = null;
        }
    }

    public bool IsIPv6 => _header.Family == RouteConstants.AfInet6;

    /// <summary>The network's address in network byte order; empty for the default route.</summary>
    public ReadOnlySpan<byte> Destination { get; }

    public int PrefixLength => _header.DestinationLength;

    /// <summary>The gateway's address, 4 or 16 bytes whatever the family of the route; empty for none.</summary>
    public ReadOnlySpan<byte> Gateway { get; }

    /// <summary>The source for packets of this machine's own; empty for none.</summary>
    public ReadOnlySpan<byte> Source { get; }

    public int? Link { get; }

    public uint Table { get; }

    public uint Metric { get; }

    public RouteProtocol Protocol => (RouteProtocol)_header.Protocol;

    public RouteType Type => (RouteType)_header.Type;

    public RouteScope Scope => (RouteScope)_header.Scope;

    public byte Tos => _header.Tos;

    public bool OnLink => (_header.Flags & RouteConstants.RtnhOnLink) != 0;

    /// <summary>What it goes by is down (RTNH_F_LINKDOWN) or gone (RTNH_F_DEAD): no packet takes it.</summary>
    public bool Dead => (_header.Flags & (RouteConstants.RtnhLinkDown | RouteConstants.RtnhDead)) != 0;

    /// <summary>Whether it has several ways.</summary>
    public bool IsMultipath => !_hops.IsEmpty;

    public int? Mtu
    {
        get
        {
            var metrics = new AttributeReader(_metrics);
            while (metrics.TryRead(out var a))
            {
                if (a.Type == RouteConstants.RtaxMtu)
                {
                    return a.Int32;
                }
            }

            return null;
        }
    }

    /// <summary>A copy that stays good.</summary>
    public Route ToRoute()
    {
        var gateway = Gateway.Length is 4 or 16 ? new IPAddress(Gateway) : null;
        var destination = Destination.IsEmpty ? (IsIPv6 ? IPAddress.IPv6Any : IPAddress.Any) : new IPAddress(Destination);
        return new(new InterfaceAddress(destination, PrefixLength).Network)
        {
            Gateway = gateway,
            Link = Link,
            Source = Source.Length is 4 or 16 ? new IPAddress(Source) : null,
            Table = Table,
            Metric = Metric,
            OnLink = OnLink,
            Scope = Scope == RouteMessages.ImpliedScope(IsIPv6, Type, gateway is not null || NextHopsHaveGateway) ? null : Scope,
            Protocol = Protocol,
            Type = Type,
            Mtu = Mtu,
            Metrics = RouteMetricsCodec.Read(new(_metrics)),
            NextHops = RouteNextHops.Read(_hops),
            Expires = _expires,
            Tos = Tos,
        };
    }

    /// <summary>Reads a message where it is of a route.</summary>
    /// <param name="cached">Also what the kernel found out on its way, and is in no table.</param>
    internal static bool TryRead(NetlinkMessage message, out RouteView view, bool cached = false)
    {
        var attributes = message.Attributes<RouteHeader>(out var header);
        var v6 = header.Family == RouteConstants.AfInet6;
        view = default;
        if (message.Type is not (RouteConstants.RtmNewRoute or RouteConstants.RtmDelRoute)
            || header.Family is not (RouteConstants.AfInet or RouteConstants.AfInet6)
            || header.DestinationLength > (v6 ? 128 : 32)
            || ((header.Flags & RouteConstants.RtmCloned) != 0 && !cached))
        {
            return false;
        }

        var read = new RouteView(header, attributes);
        if (!read.Destination.IsEmpty && read.Destination.Length != (v6 ? 16 : 4))
        {
            return false;
        }

        view = read;
        return true;
    }

    private bool NextHopsHaveGateway => IsMultipath && RouteNextHops.AnyGateway(_hops);
}
