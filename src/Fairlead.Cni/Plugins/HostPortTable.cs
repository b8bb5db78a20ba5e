using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Numerics;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>The ports of the host that lead to containers, in nftables, which is also where they are reserved.</summary>
/// <remarks>
/// One table for each family with constant rules; a published port is an element of a map, so that the kernel finds it at once
/// among thousands and refuses a second one. What the rules do:
/// <list type="bullet">
/// <item>A packet to an address of the host, from outside or from the host itself, is looked up by address, protocol and port, and
/// then by protocol and port, and sent to the container.</item>
/// <item>Where its source is in the container's own network or is the loopback, the answer would not come back this way, so it gets
/// the host's address. A bit of the packet's mark (<c>markMasqBit</c>) tells these packets from those of Services.</item>
/// <item>For the loopback's sake the bridge must route 127.0.0.0/8 (route_localnet). So what comes in from elsewhere with such a
/// destination is dropped, or containers could reach what listens on the host's loopback (CVE-2020-8558).</item>
/// <item>A container in several networks claims its ports in each. The first claim is in force; the others wait in maps that no rule
/// looks at, and one of them comes in the first one's place when that goes.</item>
/// </list>
/// </remarks>
internal sealed class HostPortTable(NftFamilyTerms terms)
{
    public const string Table = "fairlead-cni-hostports";
    private const string Lookup = "host-ports";
    private const int RawPriority = -300;
    private const int DestinationNatPriority = -100;
    private const int SourceNatPriority = 100;
    private const string Conditional = "conditional";
    private const string FromAnywhere = "from-anywhere";
    private const string Marked = "marked";

    private readonly NftSet _everyAddress = new("ports", [NftType.InetProtocol, NftType.InetService])
    {
        Data = [terms.Address, NftType.InetService],
    };

    private readonly NftSet _oneAddress = new("address-ports", [terms.Address, NftType.InetProtocol, NftType.InetService])
    {
        Data = [terms.Address, NftType.InetService],
    };

    // Ports published under conditions are led on by rules; these hold them reserved.
    private readonly NftSet _everyAddressIf = new("conditional-ports", [NftType.InetProtocol, NftType.InetService])
    {
        Data = [terms.Address, NftType.InetService],
    };

    private readonly NftSet _oneAddressIf = new("conditional-address-ports", [terms.Address, NftType.InetProtocol, NftType.InetService])
    {
        Data = [terms.Address, NftType.InetService],
    };

    // Which bit of the mark the packets of a port get, where some of them need the host's address.
    private readonly NftSet _everyAddressMark = new("port-marks", [NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };

    private readonly NftSet _oneAddressMark = new("address-port-marks", [terms.Address, NftType.InetProtocol, NftType.InetService]) { IsVerdictMap = true };

    private readonly NftSet _targets = new("containers", [terms.Address]) { IsVerdictMap = true };

    /// <summary>Publishes ports, all or none.</summary>
    /// <exception cref="CniException">One is taken; the message names its holder.</exception>
    public void Add(NftablesSocket socket, AttachmentMark mark, CniAddress container, IReadOnlyList<PortMapping> mappings, PortmapOptions options)
        => NftRetry.Run(() =>
        {
            var generation = socket.Generation();
            var change = ConstantRules.Begin(socket, Constant(container, options.MarkBits));
            EnsureMark(change, socket, options.MarkBits);
            var existing = Claims.Append(_targets).ToDictionary(set => set.Name, set => Read(socket, set), StringComparer.Ordinal);
            var gone = GoneHolders(mark, container.Address, existing);
            bool IsOver(AttachmentMark? other) => mark.IsSameAs(other) || gone.Contains(other);
            var heldByItself = new HashSet<(string Set, ValueArray<NftValue> Key)>();
            foreach (var set in Claims)
            {
                var (over, others) = Split(existing[set.Name], IsOver);
                RefuseTaken(set, others, mark, mappings);
                AddDeletion(change, set, over);
                AddDeletion(change, Waiting(set), Split(Read(socket, Waiting(set)), IsOver).Matching);
                heldByItself.UnionWith(others.Where(e => IsOfContainer(mark, e)).Select(e => (set.Name, e.Key)));
            }

            AddDeletion(change, _targets, existing[_targets.Name].Where(e => IsOver(AttachmentMark.OfComment(e.Comment)) || e.Key[0].Address!.Equals(container.Address)));
            change.AddRange(RuleDeletions(socket, IsOver));
            var conditions = options.Conditions(terms);
            foreach (var mapping in mappings)
            {
                var (set, element) = ElementOf(mapping, container.Address, !conditions.IsEmpty);
                Claim(set, element);
                if (!conditions.IsEmpty)
                {
                    change.Add(RuleOf(mapping, container.Address, conditions, mark));
                }

                if (options.Masquerade)
                {
                    Claim(
                        mapping.HostAddress is null ? _everyAddressMark : _oneAddressMark,
                        new NftElement(element.Key) { Verdict = NftVerdict.Jump(ChainOf(options.MarkBits)) });
                }
            }

            if (options.Masquerade)
            {
                var chain = options.MasqueradeAll ? FromAnywhere : NftFamilyTerms.ChainOf(container.Network);
                change.Add(new AddElements(
                    _targets, new NftElement([container.Address]) { Verdict = NftVerdict.Goto(chain), Comment = mark.Comment }));
            }

            // Nobody else may have published anything since it was read; else it is read again.
            socket.Commit(change, generation);

            void Claim(NftSet set, NftElement element)
            {
                var isHeld = heldByItself.Contains((set.Name, element.Key));
                change.Add(isHeld
                    ? new AddElements(Waiting(set), element with { Key = [.. element.Key, container.Address], Comment = mark.Comment })
                    : new AddElements(set, element with { Comment = mark.Comment }));
            }
        });

    /// <summary>Takes back the ports of the marks that match; none is fine.</summary>
    public void Remove(NftablesSocket socket, Func<AttachmentMark?, bool> matches) => NftRetry.Run(() =>
    {
        var change = new NftTransaction(terms.Family, Table);
        var generation = socket.Generation();
        foreach (var set in Claims)
        {
            var (gone, _) = Split(Read(socket, set), matches);
            var (goneWaiting, waiting) = Split(Read(socket, Waiting(set)), matches);
            var next = gone.Select(e => waiting.FirstOrDefault(w => InForce(w).Key == e.Key && AttachmentMark.OfComment(e.Comment) is { } mark && IsOfContainer(mark, w)))
                .OfType<NftElement>().ToList();
            AddDeletion(change, set, gone);
            AddDeletion(change, Waiting(set), goneWaiting.Concat(next));
            if (next.Count > 0)
            {
                change.Add(new AddElements(set, [.. next.Select(InForce)]));
            }
        }

        AddDeletion(change, _targets, Split(Read(socket, _targets), matches).Matching);
        change.AddRange(RuleDeletions(socket, matches));
        if (!change.IsEmpty)
        {
            socket.Commit(change, generation);
        }
    });

    /// <summary>The mappings that are not published as they should be.</summary>
    public IEnumerable<PortMapping> Missing(
        NftablesSocket socket, AttachmentMark mark, IPAddress container, IEnumerable<PortMapping> mappings, PortmapOptions options)
    {
        var isConditional = !options.Conditions(terms).IsEmpty;
        var existing = Claims.ToDictionary(set => set.Name, set => Read(socket, set).Concat(Read(socket, Waiting(set)).Select(InForce)).ToList(), StringComparer.Ordinal);
        return mappings.Where(mapping =>
        {
            var (set, wanted) = ElementOf(mapping, container, isConditional);
            return !existing[set.Name].Any(e => e.Key == wanted.Key && e.Data == wanted.Data && mark.IsSameAs(AttachmentMark.OfComment(e.Comment)));
        });
    }

    private IEnumerable<NftSet> Claims => [_everyAddress, _oneAddress, _everyAddressIf, _oneAddressIf, _everyAddressMark, _oneAddressMark];

    /// <summary>Where the claims wait that a container has besides the one in force: the same keys, each with the container's address.</summary>
    private NftSet Waiting(NftSet set) => set with { Name = $"{set.Name}-waiting", Key = [.. set.Key, terms.Address] };

    private static NftElement InForce(NftElement waiting) => waiting with { Key = [.. waiting.Key.Items[..^1]] };

    private IReadOnlyList<NftElement> Read(NftablesSocket socket, NftSet set) => socket.Elements(terms.Family, Table, set);

    private static (List<NftElement> Matching, List<NftElement> Others) Split(IEnumerable<NftElement> elements, Func<AttachmentMark?, bool> matches)
    {
        var parts = elements.ToLookup(e => matches(AttachmentMark.OfComment(e.Comment)));
        return ([.. parts[true]], [.. parts[false]]);
    }

    private static bool IsOfContainer(AttachmentMark mark, NftElement element)
        => AttachmentMark.OfComment(element.Comment)?.ContainerId == mark.ContainerId;

    /// <summary>The address is this container's, so another that it is said of went without DEL.</summary>
    private static HashSet<AttachmentMark?> GoneHolders(AttachmentMark mark, IPAddress container, Dictionary<string, IReadOnlyList<NftElement>> existing)
        => [.. existing.Values.SelectMany(elements => elements)
            .Where(e => !IsOfContainer(mark, e) && container.Equals(e.Data.Count > 0 ? e.Data[0].Address : e.Key.Count == 1 ? e.Key[0].Address : null))
            .Select(e => AttachmentMark.OfComment(e.Comment)).Where(holder => holder is not null)];

    private static void AddDeletion(NftTransaction change, NftSet set, IEnumerable<NftElement> elements)
    {
        if (elements.ToImmutableArray() is { IsEmpty: false } some)
        {
            change.Add(new DeleteElements(set, some));
        }
    }

    /// <summary>A port for all addresses and the same one for a single address exclude each other, in either order.</summary>
    private static void RefuseTaken(NftSet set, IEnumerable<NftElement> others, AttachmentMark mark, IReadOnlyList<PortMapping> mappings)
    {
        if (set.IsVerdictMap)
        {
            return;
        }

        foreach (var element in others.Where(e => !IsOfContainer(mark, e)))
        {
            var address = element.Key.Count > 2 ? element.Key[0].Address : null;
            var taken = mappings.FirstOrDefault(m =>
                (NftValue)m.Protocol == element.Key[^2] && (NftValue)m.HostPort == element.Key[^1]
                && (address is null || m.HostAddress is null || m.HostAddress.Equals(address)));
            if (taken is not null)
            {
                var holder = AttachmentMark.OfComment(element.Comment);
                throw new CniException(
                    CniErrorCode.HostPortTaken,
                    $"runtimeConfig.portMappings: {taken} is taken by {holder?.Pod ?? holder?.ContainerId ?? "another"}",
                    holder is null ? null : $"held by {holder}");
            }
        }
    }

    private (NftSet Set, NftElement Element) ElementOf(PortMapping mapping, IPAddress container, bool isConditional) => mapping.HostAddress is { } address
        ? (isConditional ? _oneAddressIf : _oneAddress, new NftElement([address, mapping.Protocol, mapping.HostPort]) { Data = [container, mapping.ContainerPort] })
        : (isConditional ? _everyAddressIf : _everyAddress, new NftElement([mapping.Protocol, mapping.HostPort]) { Data = [container, mapping.ContainerPort] });

    private AddRule RuleOf(PortMapping mapping, IPAddress container, ImmutableArray<NftStatement> conditions, AttachmentMark mark) => new(
        Conditional,
        [
            .. conditions,
            .. mapping.HostAddress is { } address ? (ReadOnlySpan<NftStatement>)[Match.Equal(terms.Destination, address)] : [],
            Match.Equal(Load.L4Proto, mapping.Protocol),
            Match.Equal(Load.ThDport, mapping.HostPort),
            Nat.Destination(container, (ushort)mapping.ContainerPort),
        ],
        mark.Comment);

    private IEnumerable<DeleteRule> RuleDeletions(NftablesSocket socket, Func<AttachmentMark?, bool> matches)
        => socket.Rules(terms.Family, Table, Conditional)
            .Where(rule => rule.Comment is not null && matches(AttachmentMark.OfComment(rule.Comment)))
            .Select(rule => new DeleteRule(Conditional, rule.Handle));

    private NftTransaction Constant(CniAddress container, uint bits)
    {
        var change = new NftTransaction(terms.Family, Table)
            .Add(new AddTable("CNI: ports of the host that lead to containers"))
            .AddRange(Claims.SelectMany(set => (NftOperation[])[new AddSet(set), new AddSet(Waiting(set))]))
            .Add(new AddSet(_targets))
            .Add(new AddChain(ChainOf(bits)))
            .Add(new FlushChain(ChainOf(bits)))
            .Add(new AddRule(ChainOf(bits), Act.SetMarkBits(bits, bits)))
            .Add(new AddChain(Conditional))
            .Add(new AddChain(Lookup))
            .Add(new FlushChain(Lookup))
            .Add(new AddRule(Lookup, Act.Verdict(Load.Concat(terms.Destination, Load.L4Proto, Load.ThDport), _oneAddressMark)))
            .Add(new AddRule(Lookup, Act.Verdict(Load.Concat(Load.L4Proto, Load.ThDport), _everyAddressMark)))
            .Add(new AddRule(Lookup, Act.Jump(Conditional)))
            .Add(new AddRule(Lookup, Nat.Destination(Load.Map(Load.Concat(terms.Destination, Load.L4Proto, Load.ThDport), _oneAddress))))
            .Add(new AddRule(Lookup, Nat.Destination(Load.Map(Load.Concat(Load.L4Proto, Load.ThDport), _everyAddress))));
        foreach (var (name, hook) in (ReadOnlySpan<(string, NftHook)>)[("prerouting", NftHook.Prerouting), ("output", NftHook.Output)])
        {
            change.Add(new AddChain(name, new NftBaseChain(NftChainType.Nat, hook, DestinationNatPriority)))
                .Add(new FlushChain(name))
                .Add(new AddRule(name, Match.Destination(FibAddressType.Local), Act.Jump(Lookup)));
        }

        change.Add(new AddChain("postrouting", new NftBaseChain(NftChainType.Nat, NftHook.Postrouting, SourceNatPriority)))
            .Add(new FlushChain("postrouting"))
            .Add(new AddChain(Marked))
            .Add(new AddRule("postrouting", Match.Status(CtStatus.DestinationNat), Act.Jump(Marked)))
            .Add(new AddChain(FromAnywhere))
            .Add(new FlushChain(FromAnywhere))
            .Add(new AddRule(FromAnywhere, Nat.Masquerade(fullyRandom: true)));
        var chain = NftFamilyTerms.ChainOf(container.Network);
        change.Add(new AddChain(chain)).Add(new FlushChain(chain));
        foreach (var source in (ReadOnlySpan<IPNetwork>)[container.Network, terms.Loopback])
        {
            change.Add(new AddRule(chain, Match.Equal(terms.Source, source), Nat.Masquerade(fullyRandom: true)));
        }

        return terms.IsIPv4 ? AddGuard(change) : change;
    }

    /// <summary>The rules of one bit of the mark: they are there from its first use on, and another's stay.</summary>
    private void EnsureMark(NftTransaction change, NftablesSocket socket, uint bits)
    {
        var chain = ChainOf(bits);
        if (!socket.Rules(terms.Family, Table, Marked).Any(rule => rule.Comment == chain))
        {
            change.Add(new AddRule(Marked, [Match.Bits(Load.Mark, bits, bits), Act.Verdict(terms.Destination, _targets)], chain));
        }
    }

    private static string ChainOf(uint bits) => string.Create(CultureInfo.InvariantCulture, $"mark-{BitOperations.Log2(bits)}");

    private NftTransaction AddGuard(NftTransaction change) => change
        .Add(new AddChain("guard", new NftBaseChain(NftChainType.Filter, NftHook.Prerouting, RawPriority)))
        .Add(new FlushChain("guard"))
        .Add(new AddRule("guard", Match.NotEqual(Load.IifName, "lo"), Match.Equal(terms.Destination, terms.Loopback), Act.Drop));
}
