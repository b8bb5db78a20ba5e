using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>One change to links, addresses, routes, neighbours or rules; several are sent at once by <see cref="RouteSocket.Apply"/>.</summary>
/// <remarks>Text of an operation is what is tried, for logs and errors.</remarks>
public abstract record RouteOperation
{
    internal const NetlinkFlags Replace = NetlinkFlags.Create | NetlinkFlags.Replace;
    internal const NetlinkFlags New = NetlinkFlags.Create | NetlinkFlags.Exclusive;

    /// <summary>Writes one or more messages.</summary>
    internal abstract void Encode(NetlinkBatch batch);

    /// <summary>What the kernel probably lacks where it says that it does not support this.</summary>
    internal virtual string? MayLack => null;

    /// <summary>Whether this error number says that the kernel does not have what was asked.</summary>
    internal virtual bool IsLack(int errno) => errno == Errno.NotSupported;

    /// <summary>The refusal as an exception that says what was asked.</summary>
    internal LinuxException Refused(NetlinkRefusal refusal)
        => refusal.ToException(ToString(), IsLack(refusal.Errno) && MayLack is { } lacking ? $"this kernel lacks {lacking}" : null);

    private protected static byte Family(IPAddress address)
        => address.AddressFamily == AddressFamily.InterNetwork ? RouteConstants.AfInet : RouteConstants.AfInet6;

    private protected static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Adds an address, or sets the properties of one that is there.</summary>
public sealed record ReplaceAddress(LinkAddress Address) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => AddressMessages.Write(batch, RouteConstants.RtmNewAddr, Replace, Address);

    public override string ToString() => Text($"address replace {Address.Address} link {Address.Link}");
}

/// <summary>Removes an address.</summary>
public sealed record DeleteAddress(LinkAddress Address) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => AddressMessages.Write(batch, RouteConstants.RtmDelAddr, NetlinkFlags.None, Address);

    public override string ToString() => Text($"address delete {Address.Address} link {Address.Link}");
}

/// <summary>Adds a route, or puts it in the place of one with the same destination, table and metric.</summary>
public sealed record ReplaceRoute(Route Route) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => RouteMessages.Write(batch, RouteConstants.RtmNewRoute, Replace, Route);

    public override string ToString() => Text($"route replace {Route}");
}

/// <summary>Adds a route where there is none with the same destination, table and metric.</summary>
public sealed record AddRoute(Route Route) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => RouteMessages.Write(batch, RouteConstants.RtmNewRoute, New, Route);

    public override string ToString() => Text($"route add {Route}");
}

/// <summary>Removes a route; only one with the same protocol.</summary>
public sealed record DeleteRoute(Route Route) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => RouteMessages.Write(batch, RouteConstants.RtmDelRoute, NetlinkFlags.None, Route);

    public override string ToString() => Text($"route delete {Route}");
}

/// <summary>Adds an address where it is not there.</summary>
public sealed record AddAddress(LinkAddress Address) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => AddressMessages.Write(batch, RouteConstants.RtmNewAddr, New, Address);

    public override string ToString() => Text($"address add {Address.Address} link {Address.Link}");
}

/// <summary>Adds a neighbour, or changes what is known of one.</summary>
public sealed record ReplaceNeighbour(Neighbour Neighbour) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => NeighbourMessages.Write(batch, RouteConstants.RtmNewNeigh, Replace, Neighbour);

    public override string ToString() => Text($"neighbour replace {Neighbour.Address} mac {Neighbour.Mac} link {Neighbour.Link}");
}

/// <summary>Removes a neighbour.</summary>
public sealed record DeleteNeighbour(Neighbour Neighbour) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => NeighbourMessages.Write(batch, RouteConstants.RtmDelNeigh, NetlinkFlags.None, Neighbour);

    public override string ToString() => Text($"neighbour delete {Neighbour.Address} link {Neighbour.Link}");
}

/// <summary>Adds an entry to a forwarding database, or changes where it leads.</summary>
/// <remarks>The all-zero address of a VXLAN may lead to many machines: there an entry is added to those that are.</remarks>
public sealed record ReplaceFdb(FdbEntry Entry) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch)
        => NeighbourMessages.Write(
            batch, RouteConstants.RtmNewNeigh,
            Entry is { Self: true, Destination: not null } && Entry.Mac == MacAddress.Zero ? NetlinkFlags.Create | NetlinkFlags.Append : Replace,
            Entry);

    public override string ToString() => Text($"fdb replace {Entry.Mac} dst {Entry.Destination} link {Entry.Link}");
}

/// <summary>Removes an entry of a forwarding database.</summary>
public sealed record DeleteFdb(FdbEntry Entry) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => NeighbourMessages.Write(batch, RouteConstants.RtmDelNeigh, NetlinkFlags.None, Entry);

    public override string ToString() => Text($"fdb delete {Entry.Mac} dst {Entry.Destination} link {Entry.Link}");
}

/// <summary>Adds a way to a route that may have some already, of the same destination, table and metric.</summary>
public sealed record AppendRoute(Route Route) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch)
        => RouteMessages.Write(batch, RouteConstants.RtmNewRoute, NetlinkFlags.Create | NetlinkFlags.Append, Route);

    public override string ToString() => Text($"route append {Route}");
}

/// <summary>Adds a rule.</summary>
public sealed record AddRoutingRule(RoutingRule Rule) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => RuleMessages.Write(batch, RouteConstants.RtmNewRule, New, Rule);

    public override string ToString() => Text($"rule add {Rule}");
}

/// <summary>Removes a rule.</summary>
public sealed record DeleteRoutingRule(RoutingRule Rule) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => RuleMessages.Write(batch, RouteConstants.RtmDelRule, NetlinkFlags.None, Rule);

    public override string ToString() => Text($"rule delete {Rule}");
}

/// <summary>Creates an interface.</summary>
public sealed record CreateLink(LinkSpec Link) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => LinkMessages.WriteCreation(batch, Link);

    internal override string? MayLack => Link.MayLack ?? $"interfaces of kind {Link.Kind} ({Link.KernelOption})";

    public override string ToString() => Text($"link add {Link.Name} type {Link.Kind}");
}

/// <summary>Changes an interface.</summary>
public sealed record SetLink(int Link, LinkChange Change) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => LinkMessages.WriteChange(batch, Link, Change);

    internal override string? MayLack => Change.Bridge?.MayLack;

    public override string ToString() => Text($"link set {Link} {Change}");
}

/// <summary>Removes an interface; of a veth pair, both ends.</summary>
public sealed record DeleteLink(int Link) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch)
    {
        var writer = batch.Begin(RouteConstants.RtmDelLink, NetlinkFlags.None);
        writer.Header(new LinkHeader { Index = Link });
        batch.End(writer);
    }

    public override string ToString() => Text($"link delete {Link}");
}

/// <summary>Removes all interfaces of a group at once: a thousand in the time of one.</summary>
/// <remarks>Refused as a whole where one of them cannot be removed, and where there is none.</remarks>
public sealed record DeleteLinkGroup(uint Group) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch)
    {
        var writer = batch.Begin(RouteConstants.RtmDelLink, NetlinkFlags.None);
        writer.Header(default(LinkHeader));
        writer.Attribute(RouteConstants.IflaGroup, Group);
        batch.End(writer);
    }

    public override string ToString() => Text($"link delete group {Group}");
}

/// <summary>Gives an interface one more name.</summary>
public sealed record AddAltName(int Link, string Name) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch)
        => LinkMessages.WriteAltName(batch, RouteConstants.RtmNewLinkProp, NetlinkFlags.Create | NetlinkFlags.Exclusive | NetlinkFlags.Append, Link, Name);

    public override string ToString() => Text($"link property add {Link} altname {Name}");
}

/// <summary>Takes a further name of an interface away.</summary>
public sealed record DeleteAltName(int Link, string Name) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => LinkMessages.WriteAltName(batch, RouteConstants.RtmDelLinkProp, NetlinkFlags.None, Link, Name);

    public override string ToString() => Text($"link property delete {Link} altname {Name}");
}

/// <summary>Has a port of a bridge belong to a VLAN; where the bridge has no VLAN filtering this changes nothing until it has.</summary>
public sealed record AddPortVlan(PortVlan Vlan) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => LinkMessages.WritePortVlan(batch, RouteConstants.RtmSetLink, Vlan);

    internal override string? MayLack => "bridge VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)";

    public override string ToString() => Text($"bridge vlan add {Vlan.Id} link {Vlan.Link}");
}

/// <summary>Has a port of a bridge belong to a VLAN no more.</summary>
public sealed record DeletePortVlan(PortVlan Vlan) : RouteOperation
{
    internal override void Encode(NetlinkBatch batch) => LinkMessages.WritePortVlan(batch, RouteConstants.RtmDelLink, Vlan);

    internal override string? MayLack => "bridge VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)";

    public override string ToString() => Text($"bridge vlan delete {Vlan.Id} link {Vlan.Link}");
}
