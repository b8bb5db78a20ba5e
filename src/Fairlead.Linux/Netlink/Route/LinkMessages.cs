namespace Fairlead.Linux.Netlink.Route;

/// <summary>Links to and from rtnetlink messages.</summary>
internal static class LinkMessages
{
    internal static void WriteCreation(NetlinkBatch batch, LinkSpec spec)
    {
        if (spec.Name.Length is 0 or > LinkSpec.MaxNameLength)
        {
            throw new ArgumentException($"'{spec.Name}' cannot be the name of an interface: 1 to {LinkSpec.MaxNameLength} characters", nameof(spec));
        }

        var writer = batch.Begin(RouteConstants.RtmNewLink, RouteOperation.New);
        var flags = spec.Up ? RouteConstants.IffUp : 0;
        writer.Header(new LinkHeader { Flags = flags, Change = flags });
        writer.Attribute(RouteConstants.IflaIfName, spec.Name);
        Common(ref writer, spec.Mac, spec.Mtu, spec.Master);
        if (spec.Group != 0)
        {
            writer.Attribute(RouteConstants.IflaGroup, spec.Group);
        }

        if (spec is MacvlanSpec macvlan)
        {
            writer.Attribute(RouteConstants.IflaLink, (uint)macvlan.Parent);
            if (macvlan.Namespace is { } network)
            {
                writer.Attribute(RouteConstants.IflaNetNsFd, network.Descriptor);
            }
        }

        var info = writer.BeginNested(RouteConstants.IflaLinkInfo);
        writer.Attribute(RouteConstants.IflaInfoKind, spec.Kind);
        var data = writer.BeginNested(RouteConstants.IflaInfoData);
        spec.WriteDetails(ref writer);
        writer.EndNested(data);
        writer.EndNested(info);
        batch.End(writer);
    }

    internal static void WriteChange(NetlinkBatch batch, int index, LinkChange change)
    {
        var writer = batch.Begin(RouteConstants.RtmNewLink, RouteOperation.Acknowledged);
        writer.Header(new LinkHeader
        {
            Index = index,
            Flags = change.Up == true ? RouteConstants.IffUp : 0,
            Change = change.Up is null ? 0 : RouteConstants.IffUp,
        });
        if (change.Namespace is { } network)
        {
            writer.Attribute(RouteConstants.IflaNetNsFd, network.Descriptor);
        }

        if (change.Name is { } name)
        {
            writer.Attribute(RouteConstants.IflaIfName, name);
        }

        if (change.Alias is { } alias)
        {
            writer.Attribute(RouteConstants.IflaIfAlias, alias);
        }

        Common(ref writer, change.Mac, change.Mtu, change.Master);
        if (change.LinkLocalAddress is { } linkLocal)
        {
            var families = writer.BeginNested(RouteConstants.IflaAfSpec);
            var inet6 = writer.BeginNested(RouteConstants.AfInet6);
            writer.Attribute(RouteConstants.IflaInet6AddrGenMode, (byte)(linkLocal ? 0 : 1));
            writer.EndNested(inet6);
            writer.EndNested(families);
        }

        batch.End(writer);
        if (change.HasPortOptions)
        {
            WritePort(batch, index, change);
        }
    }

    /// <summary>A message of its own: the kernel looks at the options of a port before it makes the interface one.</summary>
    private static void WritePort(NetlinkBatch batch, int index, LinkChange change)
    {
        var writer = batch.Begin(RouteConstants.RtmNewLink, RouteOperation.Acknowledged);
        writer.Header(new LinkHeader { Index = index });
        var info = writer.BeginNested(RouteConstants.IflaLinkInfo);
        writer.Attribute(RouteConstants.IflaInfoSlaveKind, "bridge");
        var data = writer.BeginNested(RouteConstants.IflaInfoSlaveData);
        Option(ref writer, RouteConstants.IflaBrPortHairpin, change.Hairpin);
        Option(ref writer, RouteConstants.IflaBrPortIsolated, change.Isolated);
        Option(ref writer, RouteConstants.IflaBrPortLearning, change.Learning);
        writer.EndNested(data);
        writer.EndNested(info);
        batch.End(writer);

        static void Option(ref NetlinkWriter writer, ushort type, bool? value)
        {
            if (value is { } set)
            {
                writer.Attribute(type, (byte)(set ? 1 : 0));
            }
        }
    }

    internal static void WriteAltName(NetlinkBatch batch, ushort type, NetlinkFlags flags, int index, string name)
    {
        var writer = batch.Begin(type, flags);
        writer.Header(new LinkHeader { Index = index });
        var list = writer.BeginNested(RouteConstants.IflaPropList);
        writer.Attribute(RouteConstants.IflaAltIfName, name);
        writer.EndNested(list);
        batch.End(writer);
    }

    /// <summary>Asks for one link, by index where it is not 0, else by name or alternative name.</summary>
    internal static void WriteQuery(NetlinkBatch batch, int index, string? name)
    {
        var writer = batch.Begin(RouteConstants.RtmGetLink, NetlinkFlags.Ack);
        writer.Header(new LinkHeader { Index = index });
        if (name is not null)
        {
            writer.Attribute(name.Length > LinkSpec.MaxNameLength ? RouteConstants.IflaAltIfName : RouteConstants.IflaIfName, name);
        }

        writer.Attribute(RouteConstants.IflaExtMask, RouteConstants.SkipStatistics);
        batch.End(writer);
    }

    internal static void WriteDump(NetlinkBatch batch)
    {
        var writer = batch.Begin(RouteConstants.RtmGetLink, NetlinkFlags.Dump);
        writer.Header(default(LinkHeader));
        writer.Attribute(RouteConstants.IflaExtMask, RouteConstants.SkipStatistics);
        batch.End(writer);
    }

    internal static Link? Read(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<LinkHeader>(out var header);
        if (message.Type is not (RouteConstants.RtmNewLink or RouteConstants.RtmDelLink) || header.Family != RouteConstants.AfUnspec)
        {
            return null;
        }

        var link = new Link
        {
            Index = header.Index,
            Name = "",
            Up = (header.Flags & RouteConstants.IffUp) != 0,
            Running = (header.Flags & RouteConstants.IffLowerUp) != 0,
        };
        while (attributes.TryRead(out var a))
        {
            link = a.Type switch
            {
                RouteConstants.IflaIfName => link with { Name = a.Text },
                RouteConstants.IflaAddress => link with { Mac = a.Mac },
                RouteConstants.IflaMtu => link with { Mtu = a.Int32 },
                RouteConstants.IflaMaster => link with { Master = a.Int32 },
                RouteConstants.IflaLink => link with { Peer = a.Int32 },
                RouteConstants.IflaLinkNetNsId => link with { PeerNamespaceId = a.Int32 },
                RouteConstants.IflaIfAlias => link with { Alias = a.Text },
                RouteConstants.IflaGroup => link with { Group = (uint)a.Int32 },
                RouteConstants.IflaPropList => link with { AltNames = ReadAltNames(a.Nested) },
                RouteConstants.IflaLinkInfo => ReadInfo(link, a.Nested),
                _ => link,
            };
        }

        return link;
    }

    private static void Common(ref NetlinkWriter writer, MacAddress? mac, int? mtu, int? master)
    {
        if (mac is { } address)
        {
            writer.Attribute(RouteConstants.IflaAddress, address);
        }

        if (mtu is { } size)
        {
            writer.Attribute(RouteConstants.IflaMtu, (uint)size);
        }

        if (master is { } bridge)
        {
            writer.Attribute(RouteConstants.IflaMaster, (uint)bridge);
        }
    }

    private static ValueArray<string> ReadAltNames(AttributeReader attributes)
    {
        var names = new List<string>();
        while (attributes.TryRead(out var a))
        {
            if (a.Type == RouteConstants.IflaAltIfName)
            {
                names.Add(a.Text);
            }
        }

        return [.. names.Order(StringComparer.Ordinal)];
    }

    private static Link ReadInfo(Link link, AttributeReader attributes)
    {
        AttributeReader data = default;
        AttributeReader port = default;
        var portKind = "";
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case RouteConstants.IflaInfoKind:
                    link = link with { Kind = a.Text };
                    break;
                case RouteConstants.IflaInfoData:
                    data = a.Nested;
                    break;
                case RouteConstants.IflaInfoSlaveKind:
                    portKind = a.Text;
                    break;
                case RouteConstants.IflaInfoSlaveData:
                    port = a.Nested;
                    break;
            }
        }

        return link with
        {
            Vxlan = link.Kind is "vxlan" ? ReadVxlan(data) : null,
            Port = portKind is "bridge" ? ReadPort(port) : null,
        };
    }

    private static VxlanDetails ReadVxlan(AttributeReader attributes)
    {
        var details = new VxlanDetails(0, 0, null, null, false);
        while (attributes.TryRead(out var a))
        {
            details = a.Type switch
            {
                RouteConstants.IflaVxlanId => details with { Vni = a.Int32 },
                RouteConstants.IflaVxlanPort => details with { UdpPort = a.BigEndian16 },
                RouteConstants.IflaVxlanLocal or RouteConstants.IflaVxlanLocal6 => details with { Local = a.Address },
                RouteConstants.IflaVxlanLink => details with { Device = a.Int32 },
                RouteConstants.IflaVxlanLearning => details with { Learning = a.Byte != 0 },
                _ => details,
            };
        }

        return details;
    }

    private static BridgePort ReadPort(AttributeReader attributes)
    {
        var port = new BridgePort(false, false);
        while (attributes.TryRead(out var a))
        {
            port = a.Type switch
            {
                RouteConstants.IflaBrPortHairpin => port with { Hairpin = a.Byte != 0 },
                RouteConstants.IflaBrPortIsolated => port with { Isolated = a.Byte != 0 },
                _ => port,
            };
        }

        return port;
    }
}
