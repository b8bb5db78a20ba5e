using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>Lets frames of a container onto the bridge only with the hardware address that it was given, as <c>macspoofchk</c> asks.</summary>
/// <remarks>
/// One table of family bridge with one rule: what comes by a port that is watched, with an address that is not the port's, is dropped.
/// A port is an element of each of two sets, whose comment says whose it is.
/// </remarks>
internal static class SpoofCheck
{
    public const string Table = "fairlead-cni-spoofcheck";
    private const string Hook = "prerouting";
    private const int DestinationNatPriority = -300; // of family bridge: before anybody looks at the frame

    private static readonly NftSet s_ports = new("ports", [NftType.InterfaceName]);
    private static readonly NftSet s_addresses = new("addresses", [NftType.InterfaceName, NftType.EtherAddress]);

    public static void Add(NftablesSocket socket, AttachmentMark mark, Link port, MacAddress mac)
    {
        OwnedElements.Remove(socket, NftFamily.Bridge, Table, [s_ports, s_addresses], (set, element) => element.Key[0] == port.Name);
        socket.Commit(ConstantRules.Begin(socket, Constant())
            .Add(new AddElements(s_ports, new NftElement([port.Name]) { Comment = mark.Comment }))
            .Add(new AddElements(s_addresses, new NftElement([port.Name, mac]) { Comment = mark.Comment })));
    }

    public static bool Has(NftablesSocket socket, AttachmentMark mark)
        => new[] { s_ports, s_addresses }.All(set =>
            socket.Elements(NftFamily.Bridge, Table, set).Any(e => mark.IsSameAs(AttachmentMark.OfComment(e.Comment))));

    /// <summary>Removes the elements of the marks that match; none is fine.</summary>
    public static void Remove(NftablesSocket socket, Func<AttachmentMark?, bool> matches)
        => OwnedElements.Remove(socket, NftFamily.Bridge, Table, [s_ports, s_addresses], (_, e) => matches(AttachmentMark.OfComment(e.Comment)));

    private static NftTransaction Constant()
        => new NftTransaction(NftFamily.Bridge, Table)
            .Add(new AddTable("CNI: frames of containers with addresses that are not theirs"))
            .Add(new AddSet(s_ports))
            .Add(new AddSet(s_addresses))
            .Add(new AddChain(Hook, new NftBaseChain(NftChainType.Filter, NftHook.Prerouting, DestinationNatPriority)))
            .Add(new FlushChain(Hook))
            .Add(new AddRule(Hook, Match.In(Load.IifName, s_ports), Match.NotIn(Load.Concat(Load.IifName, Load.EtherSaddr), s_addresses), Act.Drop));
}
