namespace Fairlead.Linux.Netlink.Route;

/// <summary>What is known of a route's way to and from RTA_METRICS.</summary>
internal static class RouteMetricsCodec
{
    internal static void Write(ref NetlinkWriter writer, Route route)
    {
        if (route.Mtu is null && route.Metrics is null)
        {
            return;
        }

        var nest = writer.BeginNested(RouteConstants.RtaMetrics);
        Number(ref writer, RouteConstants.RtaxMtu, route.Mtu);
        if (route.Metrics is { } metrics)
        {
            if (metrics.MtuLocked)
            {
                writer.Attribute(RouteConstants.RtaxLock, 1u << RouteConstants.RtaxMtu);
            }

            Number(ref writer, RouteConstants.RtaxAdvMss, metrics.AdvMss);
            Number(ref writer, RouteConstants.RtaxHopLimit, metrics.HopLimit);
            Number(ref writer, RouteConstants.RtaxWindow, metrics.Window);
            Number(ref writer, RouteConstants.RtaxInitCwnd, metrics.InitCwnd);
            Number(ref writer, RouteConstants.RtaxInitRwnd, metrics.InitRwnd);

            // The kernel counts these by eighths of a millisecond, and by milliseconds.
            Number(ref writer, RouteConstants.RtaxRtt, metrics.Rtt is { } rtt ? (int)(rtt.TotalMilliseconds * 8) : null);
            Number(ref writer, RouteConstants.RtaxRtoMin, metrics.RtoMin is { } least ? (int)least.TotalMilliseconds : null);
            Number(ref writer, RouteConstants.RtaxQuickAck, metrics.QuickAck ? 1 : null);
            if (metrics.CongestionControl is { } name)
            {
                writer.Attribute(RouteConstants.RtaxCcAlgo, name);
            }
        }

        writer.EndNested(nest);
    }

    /// <summary>All but the MTU, which stands on the route itself; null where there is nothing else.</summary>
    internal static RouteMetrics? Read(AttributeReader attributes)
    {
        int? advMss = null, hopLimit = null, window = null, initCwnd = null, initRwnd = null;
        TimeSpan? rtt = null, rtoMin = null;
        bool locked = false, quickAck = false, any = false;
        string? control = null;
        while (attributes.TryRead(out var a))
        {
            any |= a.Type != RouteConstants.RtaxMtu;
            switch (a.Type)
            {
                case RouteConstants.RtaxLock:
                    locked = (a.UInt32 & (1u << RouteConstants.RtaxMtu)) != 0;
                    break;
                case RouteConstants.RtaxAdvMss:
                    advMss = a.Int32;
                    break;
                case RouteConstants.RtaxHopLimit:
                    hopLimit = a.Int32;
                    break;
                case RouteConstants.RtaxWindow:
                    window = a.Int32;
                    break;
                case RouteConstants.RtaxInitCwnd:
                    initCwnd = a.Int32;
                    break;
                case RouteConstants.RtaxInitRwnd:
                    initRwnd = a.Int32;
                    break;
                case RouteConstants.RtaxRtt:
                    rtt = TimeSpan.FromMilliseconds(a.UInt32 / 8.0);
                    break;
                case RouteConstants.RtaxRtoMin:
                    rtoMin = TimeSpan.FromMilliseconds(a.UInt32);
                    break;
                case RouteConstants.RtaxQuickAck:
                    quickAck = a.UInt32 != 0;
                    break;
                case RouteConstants.RtaxCcAlgo:
                    control = a.Text;
                    break;
            }
        }

        return !any ? null : new()
        {
            MtuLocked = locked, AdvMss = advMss, HopLimit = hopLimit, Window = window, InitCwnd = initCwnd, InitRwnd = initRwnd,
            Rtt = rtt, RtoMin = rtoMin, QuickAck = quickAck, CongestionControl = control,
        };
    }

    private static void Number(ref NetlinkWriter writer, ushort type, int? value)
    {
        if (value is { } number)
        {
            writer.Attribute(type, (uint)number);
        }
    }
}
