using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Nftables;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers.Kernel;

/// <summary>Compiles the one nftables table of all containers on this host from their records. Pure.</summary>
/// <remarks>
/// The table is replaced whole, in one transaction: whatever a killed command left of it, the next one sets right. What it does:
/// <list type="bullet">
/// <item>A packet to an address of the host, from outside or from the host itself, is sent to the container that has published the port.</item>
/// <item>What leaves a network gets the host's address. So does what comes to a container by a published port from its own network or from
/// the loopback, because its answer would not come back this way.</item>
/// <item>Into a network comes only what a published port leads there, and answers. Networks are therefore apart from each other.</item>
/// <item>For the loopback's sake bridges route 127.0.0.0/8 (route_localnet). So a container's packet for such an address is dropped, or it
/// could reach what listens on the host's loopback (CVE-2020-8558).</item>
/// </list>
/// </remarks>
internal static class RunTable
{
    private const string Ports = "ports";
    private const string Forward = "forward";
    private const string Postrouting = "postrouting";
    private const string Guard = "guard";
    private const int RawPriority = -300;
    private const int DestinationNatPriority = -100;
    private const int FilterPriority = 0;
    private const int SourceNatPriority = 100;
    private static readonly IPNetwork s_loopback = IPNetwork.Parse("127.0.0.0/8");

    private const string CommentStart = "fairlead run, state in ";

    /// <summary>The longest comment that the kernel's tools show.</summary>
    private const int LongestComment = 127;

    /// <summary>The state folder as the table's comment has it.</summary>
    public static string Shown(string folder) => folder[^Math.Min(folder.Length, LongestComment - CommentStart.Length)..];

    /// <summary>The state folder that a table is of; null where its comment is not ours.</summary>
    public static string? FolderOf(string comment) => comment.StartsWith(CommentStart, StringComparison.Ordinal) ? comment[CommentStart.Length..] : null;

    public static NftTransaction Compile(string folder, IReadOnlyList<NetworkRecord> networks, IEnumerable<ContainerRecord> containers)
    {
        var change = new NftTransaction(NftFamily.Inet, Naming.Table)
            .Add(new AddTable(CommentStart + Shown(folder)))
            .Add(new AddChain(Ports))
            .Add(new AddChain(Guard, new NftBaseChain(NftChainType.Filter, NftHook.Prerouting, RawPriority)))
            .Add(new AddChain(Forward, new NftBaseChain(NftChainType.Filter, NftHook.Forward, FilterPriority)))
            .Add(new AddChain(Postrouting, new NftBaseChain(NftChainType.Nat, NftHook.Postrouting, SourceNatPriority)));
        foreach (var (name, hook) in (ReadOnlySpan<(string, NftHook)>)[("prerouting", NftHook.Prerouting), ("output", NftHook.Output)])
        {
            // The kernel cannot send ::1 on; the supervisor of the container takes what is for it.
            change.Add(new AddChain(name, new NftBaseChain(NftChainType.Nat, hook, DestinationNatPriority)))
                .Add(new AddRule(name, Match.Equal(Load.Ip6Daddr, IPAddress.IPv6Loopback), Act.Return))
                .Add(new AddRule(name, Match.Destination(FibAddressType.Local), Act.Jump(Ports)));
        }

        foreach (var container in containers.Where(c => c.IsLive))
        {
            AddPorts(change, container);
        }

        AddForward(change, networks);
        foreach (var network in networks)
        {
            AddNetwork(change, network);
        }

        return change;
    }

    private static void AddPorts(NftTransaction change, ContainerRecord container)
    {
        foreach (var port in container.Options.Ports)
        {
            foreach (var family in (ReadOnlySpan<AddressFamily>)[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
            {
                if (container.AddressOf(family) is not { } target || !port.IsFor(family))
                {
                    continue;
                }

                var isIPv4 = family == AddressFamily.InterNetwork;
                var where = port.OnlyAddress is { } only
                    ? Match.Equal(isIPv4 ? Load.IpDaddr : Load.Ip6Daddr, only)
                    : Match.Equal(Load.NfProto, isIPv4 ? 2 : 10);
                change.Add(new AddRule(
                    Ports,
                    [where, Match.Equal(port.IsUdp ? Load.UdpDport : Load.TcpDport, port.HostPort), Linux.Nftables.Nat.Destination(target, (ushort)port.ContainerPort)],
                    container.Name));
            }
        }
    }

    private static void AddForward(NftTransaction change, IReadOnlyList<NetworkRecord> networks)
    {
        change.Add(new AddRule(Forward, Match.State(CtState.Established | CtState.Related), Act.Accept));
        foreach (var network in networks)
        {
            change.Add(new AddRule(
                Forward, [Match.Equal(Load.IifName, network.Bridge), Match.Equal(Load.OifName, network.Bridge), Act.Accept], $"{network.Name}: members"));
        }

        // Each of these ends the way of a packet that another network may still speak of, so all of one kind come before the next.
        foreach (var network in networks.Where(n => n.Internal))
        {
            change.Add(new AddRule(Forward, [Match.Equal(Load.IifName, network.Bridge), Act.Drop], $"{network.Name}: internal, nothing leaves"));
        }

        foreach (var network in networks)
        {
            if (!network.Internal)
            {
                change.Add(new AddRule(
                    Forward, [Match.Equal(Load.OifName, network.Bridge), Match.Status(CtStatus.DestinationNat), Act.Accept], $"{network.Name}: published ports"));
            }

            change.Add(new AddRule(Forward, [Match.Equal(Load.OifName, network.Bridge), Act.Drop], $"{network.Name}: nothing else enters"));
        }
    }

    private static void AddNetwork(NftTransaction change, NetworkRecord network)
    {
        change.Add(new AddRule(
            Guard, [Match.Equal(Load.IifName, network.Bridge), Match.Equal(Load.IpDaddr, s_loopback), Act.Drop], $"{network.Name}: the host's loopback is its own"));
        foreach (var subnet in network.Subnets)
        {
            var source = subnet.Family == AddressFamily.InterNetwork ? Load.IpSaddr : Load.Ip6Saddr;
            if (!network.Internal)
            {
                change.Add(new AddRule(
                    Postrouting, [Match.Equal(source, subnet.Network), Match.NotEqual(Load.OifName, network.Bridge), Linux.Nftables.Nat.Masquerade()], $"{network.Name}: outwards"));
            }

            change.Add(new AddRule(
                Postrouting,
                [Match.Equal(source, subnet.Network), Match.Equal(Load.OifName, network.Bridge), Match.Status(CtStatus.DestinationNat), Linux.Nftables.Nat.Masquerade()],
                $"{network.Name}: a member's own port"));
        }

        change.Add(new AddRule(
            Postrouting, [Match.Equal(Load.IpSaddr, s_loopback), Match.Equal(Load.OifName, network.Bridge), Linux.Nftables.Nat.Masquerade()], $"{network.Name}: from 127.0.0.1"));
    }
}
