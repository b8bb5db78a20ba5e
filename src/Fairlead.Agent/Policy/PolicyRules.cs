using System.Security.Cryptography;
using System.Text;
using Fairlead.Core.Policy;
using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Nftables;

namespace Fairlead.Agent.Policy;

// The way of a packet that is forwarded (what this node itself sends to its pods, or they to it, is not):
//
//   egress (forward)    established? accept          a pod to itself? accept
//                       source vmap @egress  ──────► goto egress-GROUP
//   ingress (forward)   established? accept          a pod to itself? accept
//                       destination vmap @ingress ─► goto ingress-GROUP
//   ingress-GROUP       jump to each policy of the group; count, log a sample, drop
//   ingress-POLICY      source @pods-HASH, proto . dport @ports-HASH: accept
//
// A group is the pods that the same policies select. Accept ends one of the two base chains only, so that a connection needs both
// sides' leave. A pod that comes or goes changes elements; chains and rules come and go with policies and combinations of them.

/// <summary>Turns the table of policies into the table of nftables.</summary>
internal static class PolicyRules
{
    public const string Table = "fairlead-policy";

    /// <summary>The group of the kernel's packet log that denials go to.</summary>
    public const ushort LogGroup = 4789;

    private const string Ingress = "ingress";
    private const string Egress = "egress";

    /// <summary>After the tables that translate addresses and refuse what nobody serves: a policy is about what would arrive.</summary>
    private const int Priority = 10;

    /// <summary>Packets a second of one group that are logged, and how many at once.</summary>
    private const int LogRate = 1;
    private const int LogBurst = 10;

    /// <summary>Enough for the headers.</summary>
    private const uint LogLength = 80;

    private static readonly IPFamily[] s_families = [IPFamily.IPv4, IPFamily.IPv6];

    /// <summary>ICMPv6 that neighbours find each other by (RFC 4861, section 4): on a bridge it is forwarded too.</summary>
    private const byte FirstOfDiscovery = 133;
    private const byte LastOfDiscovery = 137;

    /// <param name="policies">What is to be in force.</param>
    /// <param name="logs">Whether the kernel can log packets to programs (CONFIG_NETFILTER_NETLINK_LOG); what is denied is denied without that too.</param>
    public static NftTransaction Compile(PolicyTable policies, bool logs = true)
    {
        var table = new NftTransaction(NftFamily.Inet, Table).Add(new AddTable("Fairlead network policy"));
        foreach (var family in s_families)
        {
            table.Add(new AddSet(Self(family))).Add(new AddSet(Pods(PolicyDirection.Egress, family))).Add(new AddSet(Pods(PolicyDirection.Ingress, family)));
        }

        AddSets(table, policies);
        var groups = policies.Pods.SelectMany(p => new[] { (PolicyDirection.Ingress, p.Ingress), (PolicyDirection.Egress, p.Egress) }).Where(g => !g.Item2.IsEmpty).Distinct().ToList();
        foreach (var policy in policies.Policies)
        {
            table.Add(new AddChain(ChainOf(policy.Name, policy.Direction)));
        }

        foreach (var (direction, names) in groups)
        {
            table.Add(new AddChain(GroupOf(direction, names)));
        }

        foreach (var policy in policies.Policies)
        {
            table.AddRange(policy.Rules.SelectMany(rule => Statements(policy, rule)).Select(s => new AddRule(ChainOf(policy.Name, policy.Direction), [.. s], $"{policy.Name}")));
        }

        foreach (var (direction, names) in groups)
        {
            AddGroup(table, direction, names, logs);
        }

        AddPods(table, policies);
        AddBase(table, Egress, PolicyDirection.Egress, Priority);
        AddBase(table, Ingress, PolicyDirection.Ingress, Priority + 1);
        return table;
    }

    /// <summary>The chain of the pods that these policies select together.</summary>
    public static string GroupOf(PolicyDirection direction, EquatableArray<ObjectKey> policies)
        => $"{NameOf(direction)}-group-{Hash(string.Join('\n', policies.Select(p => p.ToString())))}";

    private static string ChainOf(ObjectKey policy, PolicyDirection direction) => $"{NameOf(direction)}-{Hash(policy.ToString())}";

    private static string NameOf(PolicyDirection direction) => direction == PolicyDirection.Ingress ? Ingress : Egress;

    private static void AddSets(NftTransaction table, PolicyTable policies)
    {
        foreach (var family in s_families)
        {
            foreach (var (key, addresses) in policies.Groups)
            {
                var set = Group(key, family);
                table.Add(new AddSet(set)).Add(new AddElements(set, [.. addresses.Where(a => a.Family == family).Select(a => new NftElement([a]))]));
            }

            foreach (var (name, ports) in policies.NamedPorts)
            {
                var set = Named(name, family);
                table.Add(new AddSet(set)).Add(new AddElements(
                    set, [.. ports.Where(p => p.Address.Family == family).Select(p => new NftElement([p.Address, (byte)name.Protocol, p.Port]))]));
            }
        }

        foreach (var rule in policies.Policies.SelectMany(p => p.Rules))
        {
            foreach (var family in s_families.Where(f => rule.Blocks.Any(b => b.Family == f)))
            {
                var set = Blocks(rule, family);
                table.Add(new AddSet(set)).Add(new AddElements(set, [.. rule.Blocks.Where(b => b.Family == family).Select(b => new NftElement([NftValue.Range(b.First, b.Last)]))]));
            }

            if (!rule.Ports.IsEmpty)
            {
                table.Add(new AddSet(Ports(rule))).Add(new AddElements(
                    Ports(rule), [.. rule.Ports.Select(p => new NftElement([(byte)p.Protocol, p.First == p.Last ? (NftValue)p.First : NftValue.Range(p.First, p.Last)]))]));
            }
        }
    }

    /// <summary>Each way in which a connection meets the rule, peers by ports.</summary>
    private static IEnumerable<List<NftStatement>> Statements(CompiledPolicy policy, ConnectionRule rule)
    {
        var peers = new List<(IPFamily? Family, NftStatement? Match)>();
        if (rule.AnyPeer)
        {
            peers.Add((null, null));
        }

        foreach (var family in s_families)
        {
            var address = policy.Direction == PolicyDirection.Ingress ? Source(family) : Destination(family);
            if (rule.Pods is { } key)
            {
                peers.Add((family, Match.In(address, Group(key, family))));
            }

            if (rule.Blocks.Any(b => b.Family == family))
            {
                peers.Add((family, Match.In(address, Blocks(rule, family))));
            }
        }

        foreach (var (family, peer) in peers)
        {
            foreach (var (portFamily, port) in PortMatches(rule))
            {
                if (family is null || portFamily is null || family == portFamily)
                {
                    yield return [.. new[] { peer, port, Act.Accept }.OfType<NftStatement>()];
                }
            }
        }
    }

    private static IEnumerable<(IPFamily? Family, NftStatement? Match)> PortMatches(ConnectionRule rule)
    {
        if (rule.AnyPort)
        {
            yield return (null, null);
        }

        if (!rule.Ports.IsEmpty)
        {
            yield return (null, Match.In(Load.Concat(Load.L4Proto, Load.ThDport), Ports(rule)));
        }

        foreach (var name in rule.Names)
        {
            foreach (var family in s_families)
            {
                // A name means what the pod that is connected to means by it.
                yield return (family, Match.In(Load.Concat(Destination(family), Load.L4Proto, Load.ThDport), Named(name, family)));
            }
        }
    }

    private static void AddGroup(NftTransaction table, PolicyDirection direction, EquatableArray<ObjectKey> policies, bool logs)
    {
        var chain = GroupOf(direction, policies);
        table.AddRange(policies.Select(p => new AddRule(chain, [Act.Jump(ChainOf(p, direction))], $"{p}")));
        var names = string.Join(", ", policies.Select(p => p.ToString()));
        if (logs)
        {
            table.Add(new AddRule(chain, [Act.Limit(LogRate, LogBurst), Act.LogTo(LogGroup, chain, LogLength)], $"denied, a sample: {names}"));
        }

        table.Add(new AddRule(chain, [Act.Counter, Act.Drop], $"denied: {names}"));
    }

    private static void AddPods(NftTransaction table, PolicyTable policies)
    {
        foreach (var family in s_families)
        {
            var pods = policies.Pods.SelectMany(p => p.Addresses.Where(a => a.Address.Family == family).Select(a => (Pod: p, a.Address))).DistinctBy(p => p.Address).ToList();
            table.Add(new AddElements(Self(family), [.. pods.Select(p => new NftElement([p.Address, p.Address]))]));
            foreach (var (direction, of) in new (PolicyDirection, Func<IsolatedPod, EquatableArray<ObjectKey>>)[] { (PolicyDirection.Egress, p => p.Egress), (PolicyDirection.Ingress, p => p.Ingress) })
            {
                table.Add(new AddElements(
                    Pods(direction, family),
                    [.. pods.Where(p => !of(p.Pod).IsEmpty).Select(p => new NftElement([p.Address]) { Verdict = NftVerdict.Goto(GroupOf(direction, of(p.Pod))), Comment = $"{p.Pod.Pod}" })]));
            }
        }
    }

    private static void AddBase(NftTransaction table, string chain, PolicyDirection direction, int priority)
    {
        table.Add(new AddChain(chain, new(NftChainType.Filter, NftHook.Forward, priority)))
            .Add(new AddRule(chain, Match.State(CtState.Established | CtState.Related), Act.Accept))
            .Add(new AddRule(
                chain,
                Match.Compare(Load.Icmp6Type, NftComparison.GreaterOrEqual, FirstOfDiscovery), Match.Compare(Load.Icmp6Type, NftComparison.LessOrEqual, LastOfDiscovery), Act.Accept));
        foreach (var family in s_families)
        {
            table.Add(new AddRule(chain, Match.In(Load.Concat(Source(family), Destination(family)), Self(family)), Act.Accept))
                .Add(new AddRule(chain, Act.Verdict(direction == PolicyDirection.Ingress ? Destination(family) : Source(family), Pods(direction, family))));
        }
    }

    private static NftSet Self(IPFamily family) => new($"self-{Digit(family)}", [AddressType(family), AddressType(family)]);

    private static NftSet Pods(PolicyDirection direction, IPFamily family) => new($"{NameOf(direction)}-pods-{Digit(family)}", [AddressType(family)]) { IsVerdictMap = true };

    private static NftSet Group(string key, IPFamily family) => new($"pods-{key}-{Digit(family)}", [AddressType(family)]);

    private static NftSet Blocks(ConnectionRule rule, IPFamily family) => new($"blocks-{Hash(rule.Blocks.ToString())}-{Digit(family)}", [AddressType(family)]) { IsInterval = true };

    private static NftSet Ports(ConnectionRule rule) => new($"ports-{Hash(rule.Ports.ToString())}", [NftType.InetProtocol, NftType.InetService]) { IsInterval = true };

    private static NftSet Named((string Name, Protocol Protocol) name, IPFamily family)
        => new($"port-{Hash($"{name.Name} {name.Protocol}")}-{Digit(family)}", [AddressType(family), NftType.InetProtocol, NftType.InetService]);

    private static NftExpression Source(IPFamily family) => family == IPFamily.IPv4 ? Load.IpSaddr : Load.Ip6Saddr;

    private static NftExpression Destination(IPFamily family) => family == IPFamily.IPv4 ? Load.IpDaddr : Load.Ip6Daddr;

    private static NftType AddressType(IPFamily family) => family == IPFamily.IPv4 ? NftType.Ipv4Address : NftType.Ipv6Address;

    private static char Digit(IPFamily family) => family == IPFamily.IPv4 ? '4' : '6';

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)).AsSpan(0, 8));
}
