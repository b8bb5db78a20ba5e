using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Makes sure that a set or map exists.</summary>
public sealed record AddSet(NftSet Set) : NftOperation
{
    internal override void Encode(NftEncoder encoder) => NftSetMessages.WriteSet(encoder, Set, encoder.NewSetId());

    internal override string Render(string table)
    {
        var byExample = Set.NeedsTypeof;
        return Text($"add {(Set.IsMap ? "map" : "set")} {table} {Set.Name} {{ {(byExample ? "typeof" : "type")} {Types(Set.Key, byExample)}{Set.DataWords};")
            + (Set.FlagWords is { Length: > 0 } flags ? $" flags {flags};" : "")
            + (Set.Timeout is { } timeout ? $" timeout {NftText.Duration(timeout)};" : "")
            + (Set.GcInterval is { } pause ? $" gc-interval {NftText.Duration(pause)};" : "")
            + (Set.Size is { } size ? Text($" size {size};") : "")
            + (Set.HasCounters ? " counter;" : "")
            + CommentText(Set.Comment, after: ";") + " }";
    }

    internal static string Types(ValueArray<NftType> types, bool byExample)
        => string.Join(" . ", types.Items.Select(t => byExample ? t.Typeof ?? t.Name : t.Name));
}

/// <summary>Removes all elements of a set or map.</summary>
public sealed record FlushSet(NftSet Set) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.DelSetElem);
        w.Attribute(NftConstants.ElemListSet, Set.Name);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"flush {(Set.IsMap ? "map" : "set")} {table} {Set.Name}";
}

/// <summary>Removes a set or map that no rule uses.</summary>
public sealed record DeleteSet(NftSet Set) : NftOperation
{
    /// <summary>Whether it is as well where there is none (Linux 6.3).</summary>
    public bool IfThere { get; init; }

    internal override void Encode(NftEncoder encoder)
    {
        var w = BeginRemoval(encoder, NftConstants.DelSet, NftConstants.DestroySet, IfThere);
        w.Attribute(NftConstants.SetName, Set.Name);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"{RemovalWord(IfThere)} {(Set.IsMap ? "map" : "set")} {table} {Set.Name}";
}

/// <summary>Adds elements to a set or map. One that is there with the same value is left; with another value, the transaction is refused: remove it before.</summary>
public sealed record AddElements(NftSet Set, IReadOnlyList<NftElement> Elements) : NftOperation
{
    public AddElements(NftSet set, params ReadOnlySpan<NftElement> elements)
        : this(set, (IReadOnlyList<NftElement>)elements.ToArray())
    {
    }

    internal override void Encode(NftEncoder encoder)
        => NftSetMessages.WriteElements(encoder, NftConstants.NewSetElem, NetlinkFlags.Create, Set, Elements, null);

    internal override string Render(string table)
        => Elements.Count == 0 ? "" : $"add element {table} {Set.Name} {{ {string.Join(", ", Elements.Select(e => e.Format(Set)))} }}";
}

/// <summary>Removes elements by their keys; each must be there, if <see cref="IfThere"/> does not say otherwise.</summary>
public sealed record DeleteElements(NftSet Set, IReadOnlyList<NftElement> Elements) : NftOperation
{
    public DeleteElements(NftSet set, params ReadOnlySpan<NftElement> elements)
        : this(set, (IReadOnlyList<NftElement>)elements.ToArray())
    {
    }

    /// <summary>Whether it is as well where one is not there (Linux 6.3).</summary>
    public bool IfThere { get; init; }

    internal override void Encode(NftEncoder encoder)
        => NftSetMessages.WriteElements(
            encoder, IfThere ? NftConstants.DestroySetElem : NftConstants.DelSetElem, NetlinkFlags.None, Set, Elements, null);

    internal override string Render(string table)
        => Elements.Count == 0 ? "" : $"{RemovalWord(IfThere)} element {table} {Set.Name} {{ {string.Join(", ", Elements.Select(e => e.FormatKey(Set)))} }}";
}
