using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Netlink.Route;
using FsCheck;
using FsCheck.Fluent;

namespace Fairlead.Tests.Linux;

/// <summary>What our encoder writes, our decoder reads as it was: for every kind of message.</summary>
public sealed class RouteRoundTripTests
{
    private static readonly Gen<bool> s_bool = Gen.Elements(true, false);
    private static readonly Gen<int> s_index = Gen.Choose(1, int.MaxValue);
    private static readonly Gen<byte> s_byte = Gen.Choose(0, 255).Select(i => (byte)i);
    private static readonly Gen<MacAddress> s_mac = s_byte.ArrayOf(6).Select(b => new MacAddress(b));
    private static readonly Gen<IPAddress> s_v4 = s_byte.ArrayOf(4).Select(b => new IPAddress(b));
    private static readonly Gen<IPAddress> s_v6 = s_byte.ArrayOf(16).Select(b => new IPAddress(b));
    private static readonly Gen<string> s_name = Gen.Choose('a', 'z').Select(c => (char)c).NonEmptyListOf().Select(c => new string([.. c.Take(LinkSpec.MaxNameLength)]));
    private static readonly Gen<RouteProtocol> s_protocol = Gen.Choose(1, 255).Select(i => (RouteProtocol)i);
    private static readonly Gen<TimeSpan?> s_seconds = Maybe(Gen.Choose(1, 1_000_000).Select(i => TimeSpan.FromSeconds(i)));

    [Fact]
    public void Addresses() => Holds(
        from v6 in s_bool
        from ip in Ip(v6)
        from length in Gen.Choose(0, v6 ? 128 : 32)
        from link in s_index
        from peer in Nullable(Ip(v6))
        from broadcast in s_v4
        from flags in Gen.Choose(0, 0xfff)
        from scope in s_byte
        from label in Nullable(s_name)
        from valid in s_seconds
        from preferred in s_seconds
        from metric in Gen.Choose(0, 1000)
        select new LinkAddress(link, new(ip, length))
        {
            Peer = Equals(peer, ip) ? null : peer, Broadcast = v6 ? null : broadcast, Flags = (AddressFlags)flags, Scope = (RouteScope)scope, Label = label,
            Valid = valid, Preferred = preferred ?? valid, Metric = (uint)metric,
        },
        a => new ReplaceAddress(a), AddressMessages.Read);

    [Fact]
    public void Routes() => Holds(
        from v6 in s_bool
        from ip in Ip(v6)
        from length in Gen.Choose(0, v6 ? 128 : 32)
        from type in Gen.Elements(RouteType.Unicast, RouteType.Unicast, RouteType.Local, RouteType.Broadcast, RouteType.Multicast, RouteType.Anycast)
        from gateway in Nullable(Ip(v6))
        from via in s_v6
        from link in Maybe(s_index)
        from source in Nullable(Ip(v6))
        from table in Gen.Choose(1, int.MaxValue)
        from metric in Gen.Choose(0, 1000)
        from onLink in s_bool
        from protocol in s_protocol
        from hops in Hop(v6).ListOf()
        from mtu in Maybe(Gen.Choose(68, 65535))
        from metrics in Nullable(Metrics)
        from expires in s_seconds
        from tos in s_byte
        select new Route(new InterfaceAddress(ip, length).Network)
        {
            Type = type, Gateway = !v6 && metric % 2 == 0 ? via : gateway, Link = link, Source = source, Table = (uint)table, Metric = (uint)metric, OnLink = onLink,
            Protocol = protocol, NextHops = [.. hops], Mtu = mtu, Metrics = metrics, Expires = expires, Tos = tos,
        },
        r => new ReplaceRoute(r), RouteMessages.Read);

    [Fact]
    public void Rules() => Holds(
        from v6 in s_bool
        from source in Maybe(Network(v6))
        from destination in Maybe(Network(v6))
        from mark in Maybe(s_index)
        from mask in Maybe(s_index)
        from names in Nullable(s_name).Two()
        from action in Gen.Elements(Enum.GetValues<RoutingRuleAction>())
        from target in Maybe(s_index)
        from suppress in Maybe(Gen.Choose(0, 128))
        from ports in Maybe(Gen.Choose(0, 65535).Two()).Two()
        from users in Maybe(s_index.Two())
        from bytes in s_byte.Two()
        from negate in s_bool
        from protocol in s_protocol
        from priority in s_index
        select new RoutingRule(v6, (uint)priority)
        {
            Priority = (uint)priority, Source = source, Destination = destination, Mark = (uint?)mark, MarkMask = mark is null ? null : (uint?)mask,
            InputInterface = names.Item1, OutputInterface = names.Item2, Action = action, Target = (uint?)target, SuppressPrefixLength = suppress,
            SourcePorts = Ports(ports.Item1), DestinationPorts = Ports(ports.Item2), Users = users is { } u ? ((uint)u.Item1, (uint)u.Item2) : null,
            IpProtocol = bytes.Item1 == 0 ? null : bytes.Item1, Tos = bytes.Item2, Not = negate, Protocol = protocol,
        },
        r => new AddRoutingRule(r), RuleMessages.Read);

    [Fact]
    public void Neighbours() => Holds(
        from v6 in s_bool
        from ip in Ip(v6)
        from link in s_index
        from mac in Maybe(s_mac)
        from state in s_byte
        from flags in s_byte
        from proxy in s_bool
        from protocol in Gen.Choose(0, 255)
        select new Neighbour(link, ip, mac)
        {
            State = (NeighbourState)state, Flags = (NeighbourFlags)flags & ~NeighbourFlags.Proxy, Proxy = proxy, Protocol = (RouteProtocol)protocol,
        },
        n => new ReplaceNeighbour(n), NeighbourMessages.Read);

    [Fact]
    public void Forwarding_database_entries() => Holds(
        from link in s_index
        from mac in s_mac
        from destination in Nullable(Gen.OneOf(s_v4, s_v6))
        from port in Maybe(Gen.Choose(0, 65535))
        from numbers in Maybe(s_index).Three()
        from vlan in Maybe(Gen.Choose(1, 4094))
        from self in s_bool
        from state in Gen.Elements(NeighbourState.Permanent, NeighbourState.NoArp, NeighbourState.Reachable, NeighbourState.Stale)
        from flags in s_byte
        select new FdbEntry(link, mac)
        {
            Destination = destination, UdpPort = port, Vni = numbers.Item1, SourceVni = numbers.Item2, Device = numbers.Item3, Vlan = vlan, Self = self,
            State = state, Flags = (NeighbourFlags)flags & ~(NeighbourFlags.Self | NeighbourFlags.Master),
        },
        e => new ReplaceFdb(e), NeighbourMessages.ReadFdb);

    [Fact]
    public void Links_of_every_kind() => Prop.ForAll(Specs.ToArbitrary(), spec =>
    {
        var link = Read(new CreateLink(spec), LinkMessages.Read)!;
        return (link.Name, link.Kind, link.Mac, link.Mtu, link.Master, link.Up, link.Group, link.TxQueueLength, link.Peer)
                == (spec.Name, spec.Kind, spec.Mac, spec.Mtu ?? 0, spec.Master, spec.Up, spec.Group, spec.TxQueueLength ?? 0, spec.Below)
            && link.Index == (spec.Index ?? 0)
            && Equals(link.Details, Expected(spec));
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Changes_of_links() => Prop.ForAll(
        (from flags in Maybe(s_bool).ArrayOf(12)
         from name in Nullable(s_name)
         from alias in Nullable(s_name)
         from mac in Maybe(s_mac)
         from numbers in Maybe(Gen.Choose(0, 65535)).ArrayOf(5)
         select new LinkChange
         {
             Up = flags[0], Promiscuous = flags[1], AllMulticast = flags[2], Name = name, Alias = alias, Mac = mac, Mtu = numbers[0], Master = numbers[1], TxQueueLength = numbers[2],
             Hairpin = flags[3], Isolated = flags[4], Learning = flags[5], Flood = flags[6], MulticastFlood = flags[7], BroadcastFlood = flags[8], ProxyArp = flags[9],
             NeighbourSuppress = flags[10], Guard = flags[11], Cost = numbers[3], Priority = numbers[4],
         }).ToArbitrary(),
        change =>
        {
            using var batch = new NetlinkBatch(1);
            new SetLink(7, change).Encode(batch);
            var link = First(batch.Message(0).ToArray(), LinkMessages.Read)!;
            var port = batch.Count == 1 ? null : First(batch.Message(1).ToArray(), m =>
            {
                var attributes = m.Attributes<LinkHeader>(out _);
                Assert.True(attributes.TryRead(out var info));
                var nested = info.Nested;
                Assert.True(nested.TryRead(out _));
                Assert.True(nested.TryRead(out var data));
                return LinkDetailsReader.ReadPort(data.Nested);
            });
            return (link.Index, link.Up, link.Promiscuous, link.AllMulticast, link.Name, link.Alias) == (7, change.Up ?? false, change.Promiscuous ?? false, change.AllMulticast ?? false, change.Name ?? "", change.Alias)
                && (link.Mac, link.Mtu, link.Master, link.TxQueueLength) == (change.Mac, change.Mtu ?? 0, change.Master, change.TxQueueLength ?? 0)
                && (port is null) != change.HasPortOptions
                && (port is null || (port.Hairpin, port.Isolated, port.Learning, port.Flood, port.MulticastFlood, port.BroadcastFlood, port.ProxyArp)
                    == (change.Hairpin ?? false, change.Isolated ?? false, change.Learning ?? false, change.Flood ?? false, change.MulticastFlood ?? false, change.BroadcastFlood ?? false, change.ProxyArp ?? false))
                && (port is null || (port.NeighbourSuppress, port.Guard, port.Cost, port.Priority) == (change.NeighbourSuppress ?? false, change.Guard ?? false, change.Cost ?? 0, change.Priority ?? 0));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Vlans_of_ports() => Prop.ForAll(
        (from link in s_index
         from ids in Gen.Choose(1, 4094).Two()
         from flags in s_bool.Three()
         select new PortVlan(link, ids.Item1) { LastId = flags.Item3 ? ids.Item2 : null, Pvid = flags.Item1, Untagged = flags.Item2 }).ToArbitrary(),
        vlan => LinkMessagesReadOne(new AddPortVlan(vlan)) == vlan).QuickCheckThrowOnFailure();

    [Fact]
    public void Further_names() => Prop.ForAll(s_name.NonEmptyListOf().ToArbitrary(), names =>
    {
        var name = string.Concat(names);
        return Read(new AddAltName(3, name), m => First(AsNewLink(m), LinkMessages.Read))!.AltNames == [name];
    }).QuickCheckThrowOnFailure();

    private static Gen<RouteMetrics> Metrics
        => from numbers in Maybe(Gen.Choose(1, 60_000)).ArrayOf(7)
           from flags in s_bool.Two()
           from name in Nullable(s_name)
           where flags.Item1 || flags.Item2 || name is not null || numbers.Any(n => n is not null)
           select new RouteMetrics
           {
               MtuLocked = flags.Item1, QuickAck = flags.Item2, CongestionControl = name, AdvMss = numbers[0], HopLimit = numbers[1], Window = numbers[2],
               InitCwnd = numbers[3], InitRwnd = numbers[4],
               Rtt = numbers[5] is { } rtt ? TimeSpan.FromMilliseconds(rtt) : null, RtoMin = numbers[6] is { } least ? TimeSpan.FromMilliseconds(least) : null,
           };

    private static Gen<LinkSpec> Specs
        => from kind in Gen.Choose(0, 8)
           from name in s_name
           from mac in Maybe(s_mac)
           from flags in Maybe(s_bool).ArrayOf(7)
           from numbers in Maybe(Gen.Choose(1, 4000)).ArrayOf(8)
           from v6 in s_bool
           from local in Nullable(Ip(v6))
           from remote in Nullable(Ip(v6))
           select With(kind, name, flags, numbers, local, remote) with
           {
               Mac = mac, Mtu = numbers[0], Master = numbers[1], TxQueueLength = numbers[2], Index = numbers[3], Up = flags[0] == true, Group = (uint)(numbers[4] ?? 0),
           };

    private static LinkSpec With(int kind, string name, bool?[] flags, int?[] n, IPAddress? local, IPAddress? remote) => kind switch
    {
        0 => new BridgeSpec(name) { Options = Options(flags, n) },
        1 => new VxlanSpec(name)
        {
            Vni = n[5] ?? 1, UdpPort = n[6] ?? 8472, Local = local, Remote = remote, Device = n[7], Learning = flags[1] == true, TtlInherit = flags[2] == true,
            Ttl = flags[2] == true ? (byte)0 : (byte)(n[5] ?? 0), Tos = (byte)(n[6] ?? 0), Df = (VxlanDf)((n[7] ?? 0) % 3), PortRange = n[5] is { } p ? (p, p + 100) : null,
            Ageing = TimeSpan.FromSeconds(n[6] ?? 300), Limit = n[7] ?? 0, Proxy = flags[3] == true, UdpChecksum = flags[4] == true,
        },
        2 => new MacvlanSpec(name) { Parent = n[5] ?? 1, Mode = MacvlanMode.Vepa },
        3 => new IpvlanSpec(name) { Parent = n[5] ?? 1, Mode = IpvlanMode.L3S, Flags = IpvlanFlags.Private },
        4 => new VlanSpec(name) { Parent = n[5] ?? 1, Id = n[6] ?? 1, Protocol = flags[1] == true ? VlanProtocol.Ieee8021Ad : VlanProtocol.Ieee8021Q },
        5 => new VrfSpec(name) { Table = (uint)(n[5] ?? 1) },
        6 => new IfbSpec(name),
        7 => new DummySpec(name),
        _ => new VethSpec(name) { PeerName = "peer" },
    };

    private static BridgeOptions Options(bool?[] flags, int?[] n) => new()
    {
        Stp = flags[1], VlanFiltering = flags[2], MulticastSnooping = flags[3], NfCallIptables = flags[4], NfCallIp6tables = flags[5], NfCallArptables = flags[6],
        ForwardDelay = Hundredths(n[5]), HelloTime = Hundredths(n[6]), MaxAge = Hundredths(n[7]), AgeingTime = Hundredths(n[0]), Priority = n[1],
        GroupForwardMask = n[2], VlanDefaultPvid = n[3], VlanProtocol = flags[1] == true ? VlanProtocol.Ieee8021Ad : null,
    };

    private static LinkDetails? Expected(LinkSpec spec) => spec switch
    {
        BridgeSpec bridge => bridge.Options,
        VxlanSpec v => new VxlanDetails(v.Vni, v.UdpPort, v.Local, v.Device, v.Learning)
        {
            Remote = v.Remote, TtlInherit = v.TtlInherit, Ttl = v.Ttl, Tos = v.Tos, Df = v.Df, PortRange = v.PortRange, Ageing = v.Ageing!.Value, Limit = v.Limit, Proxy = v.Proxy,
            UdpChecksum = v.UdpChecksum!.Value,
        },
        MacvlanSpec macvlan => new MacvlanDetails(macvlan.Mode),
        IpvlanSpec ipvlan => new IpvlanDetails(ipvlan.Mode, ipvlan.Flags),
        VlanSpec vlan => new VlanDetails(vlan.Id, vlan.Protocol),
        VrfSpec vrf => new VrfDetails(vrf.Table),
        _ => null,
    };

    private static TimeSpan? Hundredths(int? value) => value is { } v ? TimeSpan.FromMilliseconds(10 * v) : null;

    private static Gen<IPAddress> Ip(bool v6) => v6 ? s_v6 : s_v4;

    private static Gen<IPNetwork> Network(bool v6)
        => from ip in Ip(v6)
           from length in Gen.Choose(1, v6 ? 128 : 32)
           select new InterfaceAddress(ip, length).Network;

    private static Gen<NextHop> Hop(bool v6)
        => from gateway in Nullable(Ip(v6))
           from link in Maybe(s_index)
           from weight in Gen.Choose(1, 256)
           from onLink in s_bool
           select new NextHop { Gateway = gateway, Link = link, Weight = weight, OnLink = onLink };

    private static (ushort, ushort)? Ports((int, int)? ports) => ports is { } p ? ((ushort)p.Item1, (ushort)p.Item2) : null;

    private static Gen<T?> Maybe<T>(Gen<T> some)
        where T : struct
        => Gen.OneOf(some.Select(v => (T?)v), Gen.Constant((T?)null));

    private static Gen<T?> Nullable<T>(Gen<T> some)
        where T : class
        => Gen.OneOf(some.Select(v => (T?)v), Gen.Constant((T?)null));

    private static void Holds<T>(Gen<T> values, Func<T, RouteOperation> encode, NetlinkParser<T> decode)
        where T : class
        => Prop.ForAll(values.ToArbitrary(), value => Equals(Read(encode(value), decode), value)).QuickCheckThrowOnFailure();

    private static T? Read<T>(RouteOperation operation, NetlinkParser<T> decode)
        where T : class
    {
        using var batch = new NetlinkBatch(1);
        operation.Encode(batch);
        return First(batch.Message(0).ToArray(), decode);
    }

    private static T? First<T>(byte[] bytes, NetlinkParser<T> decode)
        where T : class
    {
        var reader = new NetlinkReader(bytes);
        return reader.TryRead(out var message) ? decode(message) : null;
    }

    private static PortVlan? LinkMessagesReadOne(RouteOperation operation) => Read(operation, LinkMessages.ReadPortVlans)?.Single();

    /// <summary>The same attributes as the kernel gives them back: in a message of a link.</summary>
    private static byte[] AsNewLink(NetlinkMessage message)
    {
        var bytes = message.Bytes.ToArray();
        bytes[4] = (byte)RouteConstants.RtmNewLink;
        return bytes;
    }
}
