using Fairlead.Core.Services;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;

namespace Fairlead.Proxy.Nftables;

/// <summary>Turns plans into operations on the table, and elements of the table back into an image.</summary>
internal static class NftablesEncoding
{
    /// <summary>What makes the table without an element.</summary>
    /// <param name="layout">The constant part.</param>
    /// <param name="chains">Names of chains; of those that dispatch, the rules are in it too.</param>
    public static NftTransaction Constant(NftablesLayout layout, IEnumerable<string> chains)
        => new NftTransaction(layout.Family, NftablesLayout.Table)
            .Add(new AddTable("Fairlead service proxy"))
            .AddRange(layout.Rules)
            .AddRange(chains.Select(Dispatch.TryParse).OfType<Dispatch>().SelectMany(layout.ChainOf));

    /// <summary>Adds the plan's changes: new chains first, then what goes, what comes, and last the chains that nothing has led to for a while.</summary>
    public static NftTransaction Add(this NftTransaction transaction, NftablesPlan plan, NftablesLayout layout)
    {
        var changes = new ElementChanges();
        foreach (var change in plan.Frontends)
        {
            AddFrontend(changes, change.Key, change.Before, change.After, layout);
        }

        changes.Remove(layout.ClusterIPs, plan.RemovedClusterAddresses.Select(a => new NftElement([a])));
        changes.Add(layout.ClusterIPs, plan.AddedClusterAddresses.Select(a => new NftElement([a])));
        changes.Remove(layout.Hairpins, plan.RemovedHairpins.Select(a => new NftElement([a, a])));
        changes.Add(layout.Hairpins, plan.AddedHairpins.Select(a => new NftElement([a, a])));
        return transaction
            .AddRange(plan.NewChains.SelectMany(layout.ChainOf))
            .AddRange(changes.Operations)
            .AddRange(plan.IdleChains.SelectMany(c => (NftOperation[])[new FlushChain(c.ChainName), new DeleteChain(c.ChainName)]));
    }

    private static void AddFrontend(ElementChanges changes, FrontendKey key, Placement? before, Placement? after, NftablesLayout layout)
    {
        // A comment cannot be changed: where it differs the whole is made anew.
        var sameOwner = before?.Owner == after?.Owner;
        if (before is not null && !(sameOwner && before.Dispatch == after?.Dispatch))
        {
            changes.Remove(SetOf(before.Dispatch, layout), [new NftElement(Key(key))]);
        }

        if (after is not null && !(sameOwner && before?.Dispatch == after.Dispatch))
        {
            changes.Add(SetOf(after.Dispatch, layout), [new NftElement(Key(key)) { Verdict = VerdictOf(after.Dispatch), Comment = after.Owner }]);
        }

        AddSources(changes, key, before?.Sources ?? [], after?.Sources ?? [], layout);
        var (old, now) = (before?.Slots ?? [], after?.Slots ?? []);
        var endpoints = layout.EndpointsOf(key.Kind);
        for (var i = 0; i < Math.Max(old.Length, now.Length); i++)
        {
            if (i < old.Length && i < now.Length && old[i] == now[i] && sameOwner)
            {
                continue;
            }

            if (i < old.Length)
            {
                changes.Remove(endpoints, [new NftElement([.. Key(key), i])]);
            }

            if (i < now.Length)
            {
                changes.Add(endpoints, [new NftElement([.. Key(key), i]) { Data = [now[i].Address, now[i].Port], Comment = after!.Owner }]);
            }
        }
    }

    private static void AddSources(ElementChanges changes, FrontendKey key, NftValue[] old, NftValue[] now, NftablesLayout layout)
    {
        changes.Remove(layout.Sources, old.Except(now).Select(s => new NftElement([.. Key(key), s])));
        changes.Add(layout.Sources, now.Except(old).Select(s => new NftElement([.. Key(key), s])));
        if (old.Length > 0 && now.Length == 0)
        {
            changes.Remove(layout.Firewalled, [new NftElement(Key(key))]);
        }
        else if (old.Length == 0 && now.Length > 0)
        {
            changes.Add(layout.Firewalled, [new NftElement(Key(key))]);
        }
    }

    /// <summary>Reads an image back from the elements of the table's sets.</summary>
    public static NftablesImage Read(NftablesLayout layout, IEnumerable<string> chains, Func<NftSet, IEnumerable<NftElement>> elementsOf)
    {
        var image = new NftablesImage();
        foreach (var dispatch in chains.Select(Dispatch.TryParse).OfType<Dispatch>())
        {
            image.Chains[dispatch] = 0;
        }

        foreach (var kind in (FrontendKind[])[FrontendKind.ClusterIP, FrontendKind.NodePort, FrontendKind.NodePortLocal, FrontendKind.Outside, FrontendKind.OutsideLocal])
        {
            ReadFrontends(image, kind, elementsOf(layout.FrontendsOf(kind)), elementsOf(layout.EndpointsOf(kind)));
        }

        foreach (var kind in (FrontendKind[])[FrontendKind.NodePort, FrontendKind.Outside])
        {
            foreach (var element in elementsOf(layout.WithoutEndpointsOf(kind)))
            {
                image.Frontends[KeyOf(kind, element)] = new Placement(new(kind, DispatchMode.Reject, 0), [], element.Comment ?? "");
            }
        }

        ReadSources(image, elementsOf(layout.Firewalled), elementsOf(layout.Sources));
        image.ClusterAddresses.UnionWith(elementsOf(layout.ClusterIPs).Select(e => e.Key[0].Address!));
        image.Hairpins.UnionWith(elementsOf(layout.Hairpins).Select(e => e.Key[0].Address!));
        return image;
    }

    private static void ReadFrontends(NftablesImage image, FrontendKind kind, IEnumerable<NftElement> frontends, IEnumerable<NftElement> endpoints)
    {
        var slots = endpoints.GroupBy(e => KeyOf(kind, e)).ToDictionary(g => g.Key, g => g.ToDictionary(e => (int)e.Key[^1].Number!.Value));
        foreach (var element in frontends)
        {
            var key = KeyOf(kind, element);
            var places = slots.GetValueOrDefault(key) ?? [];
            var dispatch = element.Verdict?.Chain is { } chain && Dispatch.TryParse(chain) is { } parsed ? parsed : new Dispatch(kind, DispatchMode.Drop, 0);
            if (dispatch.HasChain)
            {
                image.Chains[dispatch] = image.Chains.GetValueOrDefault(dispatch) + 1;
            }

            image.Frontends[key] = new Placement(dispatch, [.. Enumerable.Range(0, places.Count).Select(i => TargetOf(places.GetValueOrDefault(i)))], element.Comment ?? "");
            slots.Remove(key);
        }

        if (slots.Count > 0)
        {
            throw new TamperedTableException();
        }
    }

    private static void ReadSources(NftablesImage image, IEnumerable<NftElement> firewalled, IEnumerable<NftElement> sources)
    {
        var allowed = sources.ToLookup(e => KeyOf(FrontendKind.Outside, e), e => e.Key[^1]);
        var keys = firewalled.Select(e => KeyOf(FrontendKind.Outside, e)).ToHashSet();
        if (allowed.Any(a => !keys.Contains(a.Key)))
        {
            throw new TamperedTableException();
        }

        foreach (var key in keys)
        {
            // Without a source, or without a frontend, it is none of ours.
            image.Frontends[key] = image.Frontends.TryGetValue(key, out var placement) && allowed.Contains(key)
                ? placement with { Sources = [.. allowed[key]] }
                : throw new TamperedTableException();
        }
    }

    private static Target TargetOf(NftElement? element)
        => element is { Data.Count: 2 } ? new(element.Data[0].Address!, (ushort)element.Data[1].Number!.Value) : throw new TamperedTableException();

    private static FrontendKey KeyOf(FrontendKind kind, NftElement element)
    {
        var at = kind is FrontendKind.NodePort or FrontendKind.NodePortLocal ? 0 : 1;
        return new(kind, at == 1 ? element.Key[0].Address : null, (Protocol)element.Key[at].Number!.Value, (ushort)element.Key[at + 1].Number!.Value);
    }

    private static NftSet SetOf(Dispatch dispatch, NftablesLayout layout)
        => dispatch.Mode == DispatchMode.Reject ? layout.WithoutEndpointsOf(dispatch.Kind) : layout.FrontendsOf(dispatch.Kind);

    private static NftVerdict? VerdictOf(Dispatch dispatch) => dispatch.Mode switch
    {
        DispatchMode.Reject => null,
        DispatchMode.Drop => NftVerdict.Drop,
        _ => NftVerdict.Goto(dispatch.ChainName),
    };

    private static ValueArray<NftValue> Key(FrontendKey key)
        => key.Address is { } address ? [address, (int)key.Protocol, (int)key.Port] : [(int)key.Protocol, (int)key.Port];

    /// <summary>Elements to remove and to add, gathered by set: removals go first, because the same key may come again.</summary>
    private sealed class ElementChanges
    {
        private readonly List<(NftSet Set, List<NftElement> Removed, List<NftElement> Added)> _sets = [];

        public IEnumerable<NftOperation> Operations
            => _sets.Where(s => s.Removed.Count > 0).Select(s => (NftOperation)new DeleteElements(s.Set, s.Removed))
                .Concat(_sets.Where(s => s.Added.Count > 0).Select(s => new AddElements(s.Set, s.Added)));

        public void Remove(NftSet set, IEnumerable<NftElement> elements) => Of(set).Removed.AddRange(elements);

        public void Add(NftSet set, IEnumerable<NftElement> elements) => Of(set).Added.AddRange(elements);

        private (NftSet Set, List<NftElement> Removed, List<NftElement> Added) Of(NftSet set)
        {
            var index = _sets.FindIndex(s => ReferenceEquals(s.Set, set));
            if (index < 0)
            {
                _sets.Add((set, [], []));
                index = _sets.Count - 1;
            }

            return _sets[index];
        }
    }
}

/// <summary>The table holds what we never wrote: it must be made anew.</summary>
internal sealed class TamperedTableException() : Exception("the table was changed by somebody else");
