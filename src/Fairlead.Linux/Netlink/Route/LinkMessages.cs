namespace Fairlead.Linux.Netlink.Route;

/// <summary>Links to rtnetlink messages; the way back is <see cref="LinkView"/>.</summary>
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
        writer.Header(new LinkHeader { Index = spec.Index ?? 0, Flags = flags, Change = flags });
        writer.Attribute(RouteConstants.IflaIfName, spec.Name);
        Common(ref writer, spec.Mac, spec.Mtu, spec.Master, spec.TxQueueLength, spec.Group == 0 ? null : spec.Group);
        if (spec.Below is { } below)
        {
            writer.Attribute(RouteConstants.IflaLink, (uint)below);
        }

        if (spec.Namespace is { } network)
        {
            writer.Attribute(RouteConstants.IflaNetNsFd, network.Descriptor);
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
        var writer = batch.Begin(RouteConstants.RtmNewLink, NetlinkFlags.None);
        uint flags = 0;
        uint mask = 0;
        Flag(RouteConstants.IffUp, change.Up);
        Flag(RouteConstants.IffPromiscuous, change.Promiscuous);
        Flag(RouteConstants.IffAllMulticast, change.AllMulticast);
        writer.Header(new LinkHeader { Index = index, Flags = flags, Change = mask });
        if (change.Namespace is { } network)
        {
            writer.Attribute(RouteConstants.IflaNetNsFd, network.Descriptor);
        }
        else if (change.NamespaceOfProcess is { } pid)
        {
            writer.Attribute(RouteConstants.IflaNetNsPid, (uint)pid);
        }

        if (change.Name is { } name)
        {
            writer.Attribute(RouteConstants.IflaIfName, name);
        }

        if (change.Alias is { } alias)
        {
            writer.Attribute(RouteConstants.IflaIfAlias, alias);
        }

        Common(ref writer, change.Mac, change.Mtu, change.Master, change.TxQueueLength, change.Group);
        if (change.LinkLocalAddress is { } linkLocal)
        {
            var families = writer.BeginNested(RouteConstants.IflaAfSpec);
            var inet6 = writer.BeginNested(RouteConstants.AfInet6);
            writer.Attribute(RouteConstants.IflaInet6AddrGenMode, (byte)(linkLocal ? 0 : 1));
            writer.EndNested(inet6);
            writer.EndNested(families);
        }

        if (change.Bridge is { } options)
        {
            var info = writer.BeginNested(RouteConstants.IflaLinkInfo);
            writer.Attribute(RouteConstants.IflaInfoKind, "bridge");
            var data = writer.BeginNested(RouteConstants.IflaInfoData);
            options.Write(ref writer);
            writer.EndNested(data);
            writer.EndNested(info);
        }

        batch.End(writer);
        if (change.HasPortOptions)
        {
            WritePort(batch, index, change);
        }

        void Flag(uint flag, bool? value)
        {
            mask |= value is null ? 0 : flag;
            flags |= value == true ? flag : 0;
        }
    }

    /// <summary>A message of its own: the kernel looks at the options of a port before it makes the interface one.</summary>
    private static void WritePort(NetlinkBatch batch, int index, LinkChange change)
    {
        var writer = batch.Begin(RouteConstants.RtmNewLink, NetlinkFlags.None);
        writer.Header(new LinkHeader { Index = index });
        var info = writer.BeginNested(RouteConstants.IflaLinkInfo);
        writer.Attribute(RouteConstants.IflaInfoSlaveKind, "bridge");
        var data = writer.BeginNested(RouteConstants.IflaInfoSlaveData);
        writer.Switch(RouteConstants.IflaBrPortHairpin, change.Hairpin);
        writer.Switch(RouteConstants.IflaBrPortIsolated, change.Isolated);
        writer.Switch(RouteConstants.IflaBrPortLearning, change.Learning);
        writer.Switch(RouteConstants.IflaBrPortUnicastFlood, change.Flood);
        writer.Switch(RouteConstants.IflaBrPortMulticastFlood, change.MulticastFlood);
        writer.Switch(RouteConstants.IflaBrPortBroadcastFlood, change.BroadcastFlood);
        writer.Switch(RouteConstants.IflaBrPortProxyArp, change.ProxyArp);
        writer.Switch(RouteConstants.IflaBrPortNeighbourSuppress, change.NeighbourSuppress);
        writer.Switch(RouteConstants.IflaBrPortGuard, change.Guard);
        writer.Switch(RouteConstants.IflaBrPortProtect, change.RootBlock);
        writer.Switch(RouteConstants.IflaBrPortFastLeave, change.FastLeave);
        if (change.Cost is { } cost)
        {
            writer.Attribute(RouteConstants.IflaBrPortCost, (uint)cost);
        }

        if (change.Priority is { } priority)
        {
            writer.Attribute(RouteConstants.IflaBrPortPriority, checked((ushort)priority));
        }

        writer.EndNested(data);
        writer.EndNested(info);
        batch.End(writer);
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
        var writer = batch.Begin(RouteConstants.RtmGetLink, NetlinkFlags.None);
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

    internal static Link? Read(scoped NetlinkMessage message) => LinkView.TryRead(message, out var view) ? view.ToLink() : null;

    internal static Link? ReadWithStatistics(scoped NetlinkMessage message)
        => LinkView.TryRead(message, out var view) ? view.ToLink(statistics: true) : null;

    internal static void WritePortVlan(NetlinkBatch batch, ushort type, PortVlan vlan)
    {
        var writer = batch.Begin(type, NetlinkFlags.None);
        writer.Header(new LinkHeader { Family = RouteConstants.AfBridge, Index = vlan.Link });
        var spec = writer.BeginNested(RouteConstants.IflaAfSpec);
        if (vlan.Self)
        {
            writer.Attribute(RouteConstants.IflaBridgeFlags, RouteConstants.BridgeFlagsSelf);
        }

        var flags = (ushort)((vlan.Pvid ? RouteConstants.BridgeVlanPvid : 0) | (vlan.Untagged ? RouteConstants.BridgeVlanUntagged : 0));
        if (vlan.LastId is { } last)
        {
            writer.Attribute(RouteConstants.IflaBridgeVlanInfo, new BridgeVlan { Flags = (ushort)(flags | RouteConstants.BridgeVlanRangeBegin), Id = (ushort)vlan.Id });
            writer.Attribute(RouteConstants.IflaBridgeVlanInfo, new BridgeVlan { Flags = (ushort)(flags | RouteConstants.BridgeVlanRangeEnd), Id = (ushort)last });
        }
        else
        {
            writer.Attribute(RouteConstants.IflaBridgeVlanInfo, new BridgeVlan { Flags = flags, Id = (ushort)vlan.Id });
        }

        writer.EndNested(spec);
        batch.End(writer);
    }

    internal static void WritePortVlanDump(NetlinkBatch batch)
    {
        var writer = batch.Begin(RouteConstants.RtmGetLink, NetlinkFlags.Dump);
        writer.Header(new LinkHeader { Family = RouteConstants.AfBridge });
        writer.Attribute(RouteConstants.IflaExtMask, RouteConstants.BridgeVlansCompressed);
        batch.End(writer);
    }

    /// <summary>The VLANs of one port, or of a bridge itself.</summary>
    internal static List<PortVlan>? ReadPortVlans(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<LinkHeader>(out var header);
        if (message.Type is not (RouteConstants.RtmNewLink or RouteConstants.RtmSetLink) || header.Family != RouteConstants.AfBridge)
        {
            return null;
        }

        var vlans = new List<PortVlan>();
        int? master = null;
        while (attributes.TryRead(out var a))
        {
            if (a.Type == RouteConstants.IflaMaster)
            {
                master = a.Int32;
            }
            else if (a.Type == RouteConstants.IflaAfSpec)
            {
                ReadPortVlans(a.Nested, header.Index, vlans);
            }
        }

        return master == header.Index ? vlans.ConvertAll(v => v with { Self = true }) : vlans;
    }

    private static void ReadPortVlans(AttributeReader attributes, int link, List<PortVlan> vlans)
    {
        int? first = null;
        while (attributes.TryRead(out var a))
        {
            if (a.Type != RouteConstants.IflaBridgeVlanInfo || a.Value.Length < 4)
            {
                continue;
            }

            var (flags, id) = (a.UInt32 & 0xffff, (int)(a.UInt32 >> 16));
            if ((flags & RouteConstants.BridgeVlanRangeBegin) != 0)
            {
                first = id;
                continue;
            }

            vlans.Add(new(link, first ?? id)
            {
                LastId = first is null ? null : id,
                Pvid = (flags & RouteConstants.BridgeVlanPvid) != 0,
                Untagged = (flags & RouteConstants.BridgeVlanUntagged) != 0,
            });
            first = null;
        }
    }

    private static void Common(ref NetlinkWriter writer, MacAddress? mac, int? mtu, int? master, int? txQueueLength, uint? group)
    {
        if (mac is { } address)
        {
            writer.Attribute(RouteConstants.IflaAddress, address);
        }

        if (mtu is { } size)
        {
            writer.Attribute(RouteConstants.IflaMtu, (uint)size);
        }

        if (txQueueLength is { } length)
        {
            writer.Attribute(RouteConstants.IflaTxQueueLength, (uint)length);
        }

        if (group is { } number)
        {
            writer.Attribute(RouteConstants.IflaGroup, number);
        }

        if (master is { } bridge)
        {
            writer.Attribute(RouteConstants.IflaMaster, (uint)bridge);
        }
    }
}
