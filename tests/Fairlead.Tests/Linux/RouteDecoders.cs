using System.Text;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Tests.Linux;

/// <summary>Says what every decoder of rtnetlink makes of some bytes, as text.</summary>
internal static class RouteDecoders
{
    internal static string Describe(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder();
        var reader = new NetlinkReader(bytes);
        while (reader.TryRead(out var message))
        {
            Line(LinkMessages.ReadWithStatistics(message));
            Line(AddressMessages.Read(message));
            Line(RouteMessages.Read(message, cached: true));
            Line(RuleMessages.Read(message));
            Line(NeighbourMessages.Read(message));
            Line(NeighbourMessages.ReadFdb(message));
            Line(NamespaceIdMessages.Read(message));
            foreach (var vlan in LinkMessages.ReadPortVlans(message) ?? [])
            {
                Line(vlan);
            }
        }

        foreach (var change in RouteMonitor.Read(bytes))
        {
            Line(change.GetType().Name + (change.Removed ? " removed" : ""));
        }

        return text.ToString();

        void Line(object? value)
        {
            if (value is not null)
            {
                _ = text.Append(value is string s ? s : Plain(value)).Append('\n');
            }
        }
    }

    /// <summary>The words of a refusal of a request.</summary>
    internal static string DescribeRefusal(ReadOnlySpan<byte> answer, ReadOnlySpan<byte> request)
    {
        var text = new StringBuilder();
        var reader = new NetlinkReader(answer);
        while (reader.TryRead(out var message))
        {
            _ = text.Append(NetlinkRefusal.Read(message, request)).Append('\n');
        }

        return text.ToString();
    }

    /// <summary>A route says itself in the words of ip; here all of it is wanted.</summary>
    private static string Plain(object value) => value is not Route r ? value.ToString()!
        : $"Route {r} protocol {r.Protocol} scope {r.Scope} tos {r.Tos} expires {r.Expires} {r.Metrics}";
}
