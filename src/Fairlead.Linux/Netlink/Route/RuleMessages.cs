using System.Net;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>Rules to and from rtnetlink messages.</summary>
internal static class RuleMessages
{
    internal static void Write(NetlinkBatch batch, ushort type, NetlinkFlags flags, RoutingRule rule)
    {
        var writer = batch.Begin(type, flags);
        writer.Header(new RouteHeader
        {
            Family = rule.IsIPv6 ? RouteConstants.AfInet6 : RouteConstants.AfInet,
            DestinationLength = (byte)(rule.Destination?.PrefixLength ?? 0),
            SourceLength = (byte)(rule.Source?.PrefixLength ?? 0),
            Type = RouteConstants.FrActToTable,
        });
        writer.Attribute(RouteConstants.FraTable, rule.Table);
        writer.Attribute(RouteConstants.FraPriority, rule.Priority);
        writer.Attribute(RouteConstants.FraProtocol, (byte)rule.Protocol);
        if (rule.Source is { } source)
        {
            writer.Attribute(RouteConstants.FraSrc, source.BaseAddress);
        }

        if (rule.Destination is { } destination)
        {
            writer.Attribute(RouteConstants.FraDst, destination.BaseAddress);
        }

        if (rule.Mark is { } mark)
        {
            writer.Attribute(RouteConstants.FraMark, mark);
            writer.Attribute(RouteConstants.FraMask, rule.MarkMask ?? uint.MaxValue);
        }

        if (rule.InputInterface is { } input)
        {
            writer.Attribute(RouteConstants.FraIifName, input);
        }

        if (rule.OutputInterface is { } output)
        {
            writer.Attribute(RouteConstants.FraOifName, output);
        }

        batch.End(writer);
    }

    internal static void WriteDump(NetlinkBatch batch)
    {
        var writer = batch.Begin(RouteConstants.RtmGetRule, NetlinkFlags.Dump);
        writer.Header(default(RouteHeader));
        batch.End(writer);
    }

    internal static RoutingRule? Read(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<RouteHeader>(out var header);
        if (message.Type is not (RouteConstants.RtmNewRule or RouteConstants.RtmDelRule)
            || header.Family is not (RouteConstants.AfInet or RouteConstants.AfInet6)
            || header.Type != RouteConstants.FrActToTable)
        {
            return null;
        }

        var rule = new RoutingRule(header.Family == RouteConstants.AfInet6, header.Table) { Protocol = RouteProtocol.Unspecified };
        while (attributes.TryRead(out var a))
        {
            rule = a.Type switch
            {
                RouteConstants.FraTable => rule with { Table = a.UInt32 },
                RouteConstants.FraPriority => rule with { Priority = a.UInt32 },
                RouteConstants.FraProtocol => rule with { Protocol = (RouteProtocol)a.Byte },
                RouteConstants.FraSrc => rule with { Source = Network(a, header.SourceLength) },
                RouteConstants.FraDst => rule with { Destination = Network(a, header.DestinationLength) },
                RouteConstants.FraMark => rule with { Mark = a.UInt32 },
                RouteConstants.FraMask => rule with { MarkMask = a.UInt32 },
                RouteConstants.FraIifName => rule with { InputInterface = a.Text },
                RouteConstants.FraOifName => rule with { OutputInterface = a.Text },
                _ => rule,
            };
        }

        return rule.MarkMask == uint.MaxValue ? rule with { MarkMask = null } : rule;
    }

    private static IPNetwork? Network(NetlinkAttribute attribute, int length)
        => attribute.Address is { } address && length <= 8 * attribute.Value.Length ? new InterfaceAddress(address, length).Network : null;
}
