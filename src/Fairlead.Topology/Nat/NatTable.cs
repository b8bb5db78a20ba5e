using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Nftables;
using Fairlead.Topology.Kernel;

namespace Fairlead.Topology.Nat;

/// <summary>The nftables table of a topology in one host.</summary>
/// <remarks>
/// A forwarded port is met in two places: in packets that come in, and in those that the host itself sends, to its loopback too. Where
/// the answer would not come back this way (the asker is the host by its loopback, or in the network of the target) the source is changed as well.
/// For the loopback's sake the way to the target routes 127.0.0.0/8; so what comes in from elsewhere with such a destination is
/// dropped, or neighbours could reach what listens on the host's loopback only (CVE-2020-8558).
/// </remarks>
internal static class NatTable
{
    private const int RawPriority = -300;
    private const int DestinationNatPriority = -100;
    private const int SourceNatPriority = 100;
    private const string GuardComment = "127.0.0.0/8 stays on the loopback";
    private static readonly IPNetwork s_loopback = IPNetwork.Parse("127.0.0.0/8");

    /// <summary>What makes the table.</summary>
    public static NftTransaction Write(OwnershipMark mark, HostState host, ImmutableArray<NatRule> rules)
        => new NftTransaction(NftFamily.Inet, mark.Table).Add(new AddTable(mark.TableLabel(host.Name))).AddRange(Operations(rules));

    /// <summary>The rules that a table has, or null where it is not as we write tables: somebody else was at it.</summary>
    public static ImmutableArray<NatRule>? Read(OwnershipMark mark, IReadOnlyList<NftChainEntry> chains, IReadOnlyList<NftSet> sets, IReadOnlyList<NftRuleEntry> entries)
    {
        var rules = entries.Select(e => NatRule.Parse(e.Comment)).OfType<NatRule>().Distinct().Order(ByText.Instance).ToImmutableArray();
        var wanted = new NftTransaction(NftFamily.Inet, mark.Table).AddRange(Operations(rules));
        return NftRewrite.IsInForce(wanted, chains, sets, entries) ? rules : null;
    }

    public static ImmutableArray<NatRule> Sorted(IEnumerable<NatRule> rules) => [.. rules.Order(ByText.Instance)];

    private static IEnumerable<NftOperation> Operations(ImmutableArray<NatRule> rules)
    {
        if (rules.IsEmpty)
        {
            yield break;
        }

        yield return new AddChain("prerouting", new(NftChainType.Nat, NftHook.Prerouting, DestinationNatPriority));
        yield return new AddChain("output", new(NftChainType.Nat, NftHook.Output, DestinationNatPriority));
        yield return new AddChain("postrouting", new(NftChainType.Nat, NftHook.Postrouting, SourceNatPriority));
        foreach (var forward in rules.OfType<PortForwardRule>())
        {
            foreach (var rule in Forward(forward))
            {
                yield return rule;
            }
        }

        foreach (var masquerade in rules.OfType<MasqueradeRule>())
        {
            var isIPv4 = masquerade.From.BaseAddress.AddressFamily == AddressFamily.InterNetwork;
            var source = Match.Equal(isIPv4 ? Load.IpSaddr : Load.Ip6Saddr, masquerade.From);
            yield return masquerade.Out is { } name
                ? Rule("postrouting", masquerade, source, Match.Equal(Load.OifName, name), Act.Counter, s_masquerade)
                : Rule("postrouting", masquerade, source, Match.NotEqual(isIPv4 ? Load.IpDaddr : Load.Ip6Daddr, masquerade.From), Act.Counter, s_masquerade);
        }

        if (rules.OfType<PortForwardRule>().Any(f => f.To.AddressFamily == AddressFamily.InterNetwork))
        {
            yield return new AddChain("guard", new(NftChainType.Filter, NftHook.Prerouting, RawPriority));
            yield return new AddRule("guard", [Match.NotEqual(Load.IifName, "lo"), Match.Equal(Load.IpDaddr, s_loopback), Act.Counter, Act.Drop], GuardComment);
        }
    }

    private static readonly NftStatement s_masquerade = Linux.Nftables.Nat.Masquerade(fullyRandom: true);

    private static IEnumerable<AddRule> Forward(PortForwardRule forward)
    {
        var isIPv4 = forward.To.AddressFamily == AddressFamily.InterNetwork;
        var (source, destination) = isIPv4 ? (Load.IpSaddr, Load.IpDaddr) : (Load.Ip6Saddr, Load.Ip6Daddr);
        var port = Match.Equal(forward.Protocol == TopologyProtocol.Tcp ? Load.TcpDport : Load.UdpDport, forward.Port);
        var target = Linux.Nftables.Nat.Destination(forward.To, forward.ToPort);
        foreach (var chain in (string[])["prerouting", "output"])
        {
            yield return forward.Address is { } address
                ? Rule(chain, forward, Match.Equal(destination, address), port, Act.Counter, target)
                : Rule(chain, forward, Match.Equal(Load.NfProto, isIPv4 ? 2 : 10), Match.Destination(FibAddressType.Local), port, Act.Counter, target);
        }

        // By its original destination: what is sent to the target itself keeps its source.
        var arrived = new[] { Match.Status(CtStatus.DestinationNat), Match.Equal(destination, forward.To), PortOf(forward, forward.ToPort) };
        if (isIPv4)
        {
            yield return Rule("postrouting", forward, [.. arrived, Match.Equal(source, s_loopback), Act.Counter, s_masquerade]);
        }

        yield return Rule("postrouting", forward, [.. arrived, Match.Equal(source, forward.Neighbours), Act.Counter, s_masquerade]);
    }

    private static NftStatement PortOf(PortForwardRule forward, ushort port)
        => Match.Equal(forward.Protocol == TopologyProtocol.Tcp ? Load.TcpDport : Load.UdpDport, port);

    private static AddRule Rule(string chain, NatRule rule, params ReadOnlySpan<NftStatement> statements) => new(chain, [.. statements], rule.ToString());

    private sealed class ByText : IComparer<NatRule>
    {
        public static readonly ByText Instance = new();

        public int Compare(NatRule? x, NatRule? y) => string.CompareOrdinal(x?.ToString(), y?.ToString());
    }
}
