using System.Net;
using System.Runtime.InteropServices;

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
            Type = (byte)rule.Action,
            Tos = rule.Tos,
            Flags = rule.Not ? RouteConstants.FibRuleInvert : 0,
        });
        if (rule.Table != 0)
        {
            writer.Attribute(RouteConstants.FraTable, rule.Table);
        }

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

        if (rule.Target is { } target)
        {
            writer.Attribute(RouteConstants.FraGoto, target);
        }

        if (rule.SuppressPrefixLength is { } length)
        {
            writer.Attribute(RouteConstants.FraSuppressPrefixLength, (uint)length);
        }

        if (rule.IpProtocol is { } protocol)
        {
            writer.Attribute(RouteConstants.FraIpProto, protocol);
        }

        if (rule.Users is { } users)
        {
            writer.Attribute(RouteConstants.FraUidRange, new Range<uint> { First = users.First, Last = users.Last });
        }

        Ports(ref writer, RouteConstants.FraSportRange, rule.SourcePorts);
        Ports(ref writer, RouteConstants.FraDportRange, rule.DestinationPorts);

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
            || header.Family is not (RouteConstants.AfInet or RouteConstants.AfInet6))
        {
            return null;
        }

        var (table, priority) = ((uint)header.Table, 0u);
        uint? mark = null, mask = null, target = null;
        int? suppress = null;
        byte? ipProtocol = null;
        string? input = null, output = null;
        IPNetwork? source = null, destination = null;
        (ushort, ushort)? sourcePorts = null, destinationPorts = null;
        (uint, uint)? users = null;
        var protocol = RouteProtocol.Unspecified;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.FraTable:
                    table = a.UInt32;
                    break;
                case RouteConstants.FraPriority:
                    priority = a.UInt32;
                    break;
                case RouteConstants.FraProtocol:
                    protocol = (RouteProtocol)a.Byte;
                    break;
                case RouteConstants.FraSrc:
                    source = Network(a, header.SourceLength);
                    break;
                case RouteConstants.FraDst:
                    destination = Network(a, header.DestinationLength);
                    break;
                case RouteConstants.FraMark:
                    mark = a.UInt32;
                    break;
                case RouteConstants.FraMask when a.UInt32 is var bits and not uint.MaxValue:
                    mask = bits;
                    break;
                case RouteConstants.FraIifName:
                    input = a.Text;
                    break;
                case RouteConstants.FraOifName:
                    output = a.Text;
                    break;
                case RouteConstants.FraGoto:
                    target = a.UInt32;
                    break;
                case RouteConstants.FraSuppressPrefixLength when a.Int32 is var length and not -1:
                    suppress = length;
                    break;
                case RouteConstants.FraIpProto:
                    ipProtocol = a.Byte;
                    break;
                case RouteConstants.FraSportRange:
                    sourcePorts = PortsOf(a);
                    break;
                case RouteConstants.FraDportRange:
                    destinationPorts = PortsOf(a);
                    break;
                case RouteConstants.FraUidRange when a.UInt64 is var both:
                    users = ((uint)both, (uint)(both >> 32));
                    break;
            }
        }

        return new(header.Family == RouteConstants.AfInet6, table)
        {
            Priority = priority, Source = source, Destination = destination, Mark = mark, MarkMask = mask, InputInterface = input,
            OutputInterface = output, Action = (RoutingRuleAction)header.Type, Target = target, Tos = header.Tos,
            Not = (header.Flags & RouteConstants.FibRuleInvert) != 0, SuppressPrefixLength = suppress, IpProtocol = ipProtocol,
            SourcePorts = sourcePorts, DestinationPorts = destinationPorts, Users = users, Protocol = protocol,
        };
    }

    private static void Ports(ref NetlinkWriter writer, ushort type, (ushort First, ushort Last)? ports)
    {
        if (ports is { } both)
        {
            writer.Attribute(type, new Range<ushort> { First = both.First, Last = both.Last });
        }
    }

    private static (ushort, ushort) PortsOf(NetlinkAttribute a) => ((ushort)a.UInt32, (ushort)(a.UInt32 >> 16));

    /// <summary>struct fib_rule_port_range and fib_rule_uid_range.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Range<T>
        where T : unmanaged
    {
        public T First;
        public T Last;
    }

    private static IPNetwork? Network(NetlinkAttribute attribute, int length)
        => attribute.Address is { } address && length <= 8 * attribute.Value.Length ? new InterfaceAddress(address, length).Network : null;
}
