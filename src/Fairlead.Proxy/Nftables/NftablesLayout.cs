using System.Net;
using Fairlead.Core.Services;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;

namespace Fairlead.Proxy.Nftables;

// The way of a packet through the table. Chains and rules are constant; all that Services change is elements.
//
//   prerouting, output (nat)
//     services:   daddr . proto . dport vmap @service-ips ─────────────► goto svc-3
//                 daddr . proto . dport in @firewalled? from none of @sources: drop
//                 from outside: daddr . proto . dport vmap @local-outside-ips ► goto outside-local-1
//                 daddr . proto . dport vmap @outside-ips ─────────────► goto outside-3
//                 to an address of this node? goto nodeports
//     nodeports:  from outside: proto . dport vmap @local-nodeports ───► goto nodeport-local-1
//                 proto . dport vmap @service-nodeports ───────────────► goto nodeport-3
//     svc-3:      from outside the cluster? mark for masquerade
//                 dnat to  daddr . proto . dport . (random of 3)  map @endpoints
//                 dnat to  daddr . proto . dport . 0              map @endpoints
//                 drop
//   postrouting (nat)   a pod that met itself, or marked? masquerade
//   filter-forward, filter-output   still addressed to a cluster IP, or to a load balancer's without endpoints? goto refuse
//   filter-input                    a node port, or a load balancer's address of this node, without endpoints? goto refuse
//
// One svc-N chain serves all Services with N endpoints. The second dnat is for a packet that was counting to three while the
// kernel took the third endpoint away: rules and elements of one transaction come into force at once, but not in the middle of
// a packet's way. It goes to the first endpoint then, and only if there is none any more it is dropped, so that the client's
// second attempt, a second later, finds the new state and is not bound to the old.

/// <summary>The constant part of the proxy's table in one address family: its sets, maps, chains and rules.</summary>
internal sealed class NftablesLayout
{
    public const string Table = "fairlead-proxy";

    /// <summary>Bit of the packet mark that asks for masquerade: kube-proxy's, which other software already leaves alone.</summary>
    public const uint MasqueradeMark = 0x4000;

    private const string Services = "services";
    private const string NodePortsChain = "nodeports";
    private const string Firewall = "firewall";
    private const string Refuse = "refuse";
    private const string Unserved = "unserved";
    private const string UnservedNodePorts = "unserved-nodeports";

    private readonly NftExpression _source;
    private readonly NftExpression _destination;
    private readonly NftExpression _port = Load.Concat(Load.L4Proto, Load.ThDport);
    private readonly NftExpression _addressAndPort;
    private readonly NftValue _loopback;
    private readonly IPNetwork? _inside;
    private readonly IPNetwork? _services;

    public NftablesLayout(IPFamily family, IPNetwork? clusterCidr, IPNetwork? serviceCidr)
    {
        var is4 = family == IPFamily.IPv4;
        var address = is4 ? NftType.Ipv4Address : NftType.Ipv6Address;
        Family = is4 ? NftFamily.Ip : NftFamily.Ip6;
        (_source, _destination) = is4 ? (Load.IpSaddr, Load.IpDaddr) : (Load.Ip6Saddr, Load.Ip6Daddr);
        _addressAndPort = Load.Concat(_destination, Load.L4Proto, Load.ThDport);
        _loopback = IPNetwork.Parse(is4 ? "127.0.0.0/8" : "::1/128");
        _inside = clusterCidr is { } c && c.BaseAddress.Family == family ? c : null;
        _services = serviceCidr is { } s && s.BaseAddress.Family == family ? s : null;

        ValueArray<NftType> target = [address, NftType.InetService];
        ServiceIPs = new("service-ips", [address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };
        Endpoints = new("endpoints", [address, NftType.InetProtocol, NftType.InetService, NftType.Index]) { Data = target };
        NodePorts = new("service-nodeports", [NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };
        NodePortEndpoints = new("nodeport-endpoints", [NftType.InetProtocol, NftType.InetService, NftType.Index]) { Data = target };
        LocalNodePorts = new("local-nodeports", [NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };
        LocalNodePortEndpoints = new("local-nodeport-endpoints", [NftType.InetProtocol, NftType.InetService, NftType.Index]) { Data = target };
        OutsideIPs = new("outside-ips", [address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };
        OutsideEndpoints = new("outside-endpoints", [address, NftType.InetProtocol, NftType.InetService, NftType.Index]) { Data = target };
        LocalOutsideIPs = new("local-outside-ips", [address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };
        LocalOutsideEndpoints = new("local-outside-endpoints", [address, NftType.InetProtocol, NftType.InetService, NftType.Index]) { Data = target };
        Firewalled = new("firewalled", [address, NftType.InetProtocol, NftType.InetService]);
        Sources = new("sources", [address, NftType.InetProtocol, NftType.InetService, address]) { IsInterval = true };
        NoEndpointOutside = new("no-endpoint-outside", [address, NftType.InetProtocol, NftType.InetService]);
        NoEndpointNodePorts = new("no-endpoint-nodeports", [NftType.InetProtocol, NftType.InetService]);
        ClusterIPs = new("cluster-ips", [address]);
        Hairpins = new("hairpins", [address, address]);

        Rules = [.. BaseRules()];
    }

    public NftFamily Family { get; }

    public NftSet ServiceIPs { get; }

    public NftSet Endpoints { get; }

    public NftSet NodePorts { get; }

    public NftSet NodePortEndpoints { get; }

    public NftSet LocalNodePorts { get; }

    public NftSet LocalNodePortEndpoints { get; }

    public NftSet OutsideIPs { get; }

    public NftSet OutsideEndpoints { get; }

    public NftSet LocalOutsideIPs { get; }

    public NftSet LocalOutsideEndpoints { get; }

    /// <summary>Outside addresses that not everybody may use.</summary>
    public NftSet Firewalled { get; }

    /// <summary>Who may use which of them.</summary>
    public NftSet Sources { get; }

    public NftSet NoEndpointOutside { get; }

    public NftSet NoEndpointNodePorts { get; }

    public NftSet ClusterIPs { get; }

    public NftSet Hairpins { get; }

    /// <summary>The operations that make the constant part, in a table that exists.</summary>
    public IReadOnlyList<NftOperation> Rules { get; }

    /// <summary>What makes one dispatch chain.</summary>
    public IEnumerable<NftOperation> ChainOf(Dispatch dispatch)
    {
        var (chain, count) = (dispatch.ChainName, dispatch.Count);
        var map = EndpointsOf(dispatch.Kind);
        yield return new AddChain(chain);
        if (dispatch.Kind is FrontendKind.NodePort or FrontendKind.Outside)
        {
            // The answer must come back through this node, whoever asked.
            yield return new AddRule(chain, Act.SetMarkBits(MasqueradeMark, MasqueradeMark));
        }
        else if (dispatch.Kind == FrontendKind.ClusterIP)
        {
            yield return _inside is { } inside
                ? new AddRule(chain, Match.NotEqual(_source, inside), Act.SetMarkBits(MasqueradeMark, MasqueradeMark))
                : new AddRule(chain, Act.SetMarkBits(MasqueradeMark, MasqueradeMark));
        }

        var pick = dispatch.Mode == DispatchMode.SourceHash ? Load.Hash(_source, count) : Load.Random(count);
        yield return new AddRule(chain, Nat.Destination(Load.Map(KeyOf(dispatch.Kind, pick), map)));
        if (count > 1)
        {
            yield return new AddRule(chain, Nat.Destination(Load.Map(KeyOf(dispatch.Kind, Load.Random(1)), map)));
        }

        yield return new AddRule(chain, Act.Drop);
    }

    public NftSet FrontendsOf(FrontendKind kind) => kind switch
    {
        FrontendKind.ClusterIP => ServiceIPs,
        FrontendKind.NodePort => NodePorts,
        FrontendKind.NodePortLocal => LocalNodePorts,
        FrontendKind.Outside => OutsideIPs,
        _ => LocalOutsideIPs,
    };

    public NftSet EndpointsOf(FrontendKind kind) => kind switch
    {
        FrontendKind.ClusterIP => Endpoints,
        FrontendKind.NodePort => NodePortEndpoints,
        FrontendKind.NodePortLocal => LocalNodePortEndpoints,
        FrontendKind.Outside => OutsideEndpoints,
        _ => LocalOutsideEndpoints,
    };

    /// <summary>Where frontends of a kind stand that have no endpoint anywhere.</summary>
    public NftSet WithoutEndpointsOf(FrontendKind kind) => kind == FrontendKind.Outside ? NoEndpointOutside : NoEndpointNodePorts;

    private NftExpression KeyOf(FrontendKind kind, NftExpression pick)
        => kind is not (FrontendKind.NodePort or FrontendKind.NodePortLocal) ? Load.Concat(_destination, Load.L4Proto, Load.ThDport, pick) : Load.Concat(Load.L4Proto, Load.ThDport, pick);

    private IEnumerable<NftOperation> BaseRules()
    {
        foreach (var set in (NftSet[])[ServiceIPs, Endpoints, NodePorts, NodePortEndpoints, LocalNodePorts, LocalNodePortEndpoints,
            OutsideIPs, OutsideEndpoints, LocalOutsideIPs, LocalOutsideEndpoints, Firewalled, Sources, NoEndpointOutside, NoEndpointNodePorts, ClusterIPs, Hairpins])
        {
            yield return new AddSet(set);
        }

        foreach (var chain in (string[])[Services, NodePortsChain, Firewall, Refuse, Unserved, UnservedNodePorts])
        {
            yield return new AddChain(chain);
        }

        yield return new AddRule(Services, Act.Verdict(_addressAndPort, ServiceIPs));
        yield return new AddRule(Services, Match.In(_addressAndPort, Firewalled), Act.Jump(Firewall));
        yield return FromOutside(Services, Act.Verdict(_addressAndPort, LocalOutsideIPs));
        yield return new AddRule(Services, Act.Verdict(_addressAndPort, OutsideIPs));
        yield return new AddRule(Services, Match.NotEqual(_destination, _loopback), Match.Destination(FibAddressType.Local), Act.Goto(NodePortsChain));
        yield return new AddRule(Firewall, Match.In(Load.Concat(_destination, Load.L4Proto, Load.ThDport, _source), Sources), Act.Return);
        yield return new AddRule(Firewall, Act.Drop);

        yield return FromOutside(NodePortsChain, Act.Verdict(_port, LocalNodePorts));
        yield return new AddRule(NodePortsChain, Act.Verdict(_port, NodePorts));

        yield return new AddRule(Refuse, Act.RejectWithReset);
        yield return new AddRule(Refuse, Act.Reject);
        yield return new AddRule(Unserved, Match.In(_destination, ClusterIPs), Act.Goto(Refuse));
        yield return new AddRule(Unserved, Match.In(_addressAndPort, NoEndpointOutside), Act.Goto(Refuse));
        if (_services is { } range)
        {
            // Nobody's address, or a Service's that this node has not heard of yet: silence lets the client try again.
            yield return new AddRule(Unserved, Match.Equal(_destination, range), Act.Drop);
        }

        yield return new AddRule(UnservedNodePorts, Match.In(_addressAndPort, NoEndpointOutside), Act.Goto(Refuse));
        yield return new AddRule(UnservedNodePorts, Match.NotEqual(_destination, _loopback), Match.In(_port, NoEndpointNodePorts), Act.Goto(Refuse));

        yield return new AddChain("prerouting", new(NftChainType.Nat, NftHook.Prerouting, -100));
        yield return new AddRule("prerouting", Act.Jump(Services));
        yield return new AddChain("output", new(NftChainType.Nat, NftHook.Output, -100));
        yield return new AddRule("output", Act.Jump(Services));
        yield return new AddChain("postrouting", new(NftChainType.Nat, NftHook.Postrouting, 100));
        yield return new AddRule("postrouting", Match.Status(CtStatus.DestinationNat), Match.In(Load.Concat(_source, _destination), Hairpins), Nat.Masquerade(fullyRandom: true));

        // The mark goes before the packet does: a tunnel would carry it on to the outer packet, which is nobody's to masquerade.
        yield return new AddRule(
            "postrouting", Match.Bits(Load.Mark, MasqueradeMark, MasqueradeMark), Act.SetMarkBits(MasqueradeMark, 0), Nat.Masquerade(fullyRandom: true));
        yield return new AddChain("filter-forward", new(NftChainType.Filter, NftHook.Forward, 0));
        yield return new AddRule("filter-forward", Match.State(CtState.New), Act.Jump(Unserved));
        yield return new AddChain("filter-output", new(NftChainType.Filter, NftHook.Output, 0));
        yield return new AddRule("filter-output", Match.State(CtState.New), Act.Jump(Unserved));
        yield return new AddChain("filter-input", new(NftChainType.Filter, NftHook.Input, 0));
        yield return new AddRule("filter-input", Match.State(CtState.New), Act.Jump(UnservedNodePorts));
    }

    /// <summary>A rule for clients that are neither pods nor this node itself: those see only endpoints here where the Service wants that (kube-proxy's rule).</summary>
    private AddRule FromOutside(string chain, NftStatement verdict)
    {
        var fromElsewhere = Match.Compare(Load.FibSaddrType, NftComparison.NotEqual, (int)FibAddressType.Local);
        return _inside is { } inside ? new AddRule(chain, Match.NotEqual(_source, inside), fromElsewhere, verdict) : new AddRule(chain, fromElsewhere, verdict);
    }
}
