using System.Globalization;
using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>One change to a table.</summary>
public abstract record NftOperation
{
    /// <summary>Writes the messages for the kernel.</summary>
    internal abstract void Encode(NftEncoder encoder);

    /// <summary>The same as a line of nft, without the end of line.</summary>
    /// <param name="table">Family and name of the table: <c>ip fairlead-proxy</c>.</param>
    internal abstract string Render(string table);

    private protected static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private protected static string CommentText(string? comment, string before = " ", string after = "")
        => comment is null ? "" : $"{before}comment \"{NftUserData.Clean(comment)}\"{after}";

    private protected static void WriteComment(ref NetlinkWriter w, ushort type, string? comment)
    {
        if (comment is not null)
        {
            NftUserData.WriteComment(ref w, type, comment);
        }
    }
}

/// <summary>Makes sure that the table exists.</summary>
public sealed record AddTable(string? Comment = null) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.NewTable, NetlinkFlags.Create);
        w.BigEndian(NftConstants.TableFlags, 0u);
        WriteComment(ref w, NftConstants.TableUserData, Comment);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"add table {table}{(Comment is null ? "" : $" {{{CommentText(Comment, after: ";")} }}")}";
}

/// <summary>Removes the table with all that is in it; it must be there. To be sure of that, put <see cref="AddTable"/> before.</summary>
public sealed record DeleteTable : NftOperation
{
    internal override void Encode(NftEncoder encoder) => encoder.Batch.End(encoder.Begin(NftConstants.DelTable));

    internal override string Render(string table) => $"delete table {table}";
}

/// <summary>Where a chain is tied to the way of packets.</summary>
/// <param name="Priority">Order among chains of the same hook: -300 before connection tracking, -100 where destinations are changed, 0 filter, 100 where sources are.</param>
public sealed record NftBaseChain(NftChainType Type, NftHook Hook, int Priority)
{
    /// <summary>Whether packets that reach the end are accepted.</summary>
    public bool AcceptByDefault { get; init; } = true;
}

/// <summary>Makes sure that a chain exists; without a hook it is one to jump to.</summary>
public sealed record AddChain(string Name, NftBaseChain? Base = null, string? Comment = null) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.NewChain, NetlinkFlags.Create);
        w.Attribute(NftConstants.ChainName, Name);
        if (Base is { } tied)
        {
            var hook = w.BeginNested(NftConstants.ChainHook);
            w.BigEndian(NftConstants.HookNumber, (uint)tied.Hook);
            w.BigEndian(NftConstants.HookPriority, (uint)tied.Priority);
            w.EndNested(hook);
            w.BigEndian(NftConstants.ChainPolicy, tied.AcceptByDefault ? 1u : 0);
            w.Attribute(NftConstants.ChainType, tied.Type.ToString().ToLowerInvariant());
        }

        WriteComment(ref w, NftConstants.ChainUserData, Comment);
        encoder.Batch.End(w);
    }

    internal override string Render(string table)
    {
        var tied = Base is null
            ? ""
            : Text($" type {Base.Type.ToString().ToLowerInvariant()} hook {Base.Hook.ToString().ToLowerInvariant()} priority {Base.Priority}; policy {(Base.AcceptByDefault ? "accept" : "drop")};");
        var body = tied + CommentText(Comment, after: ";");
        return $"add chain {table} {Name}{(body.Length == 0 ? "" : $" {{{body} }}")}";
    }
}

/// <summary>Removes the rules of a chain.</summary>
public sealed record FlushChain(string Name) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.DelRule);
        w.Attribute(NftConstants.RuleChain, Name);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"flush chain {table} {Name}";
}

/// <summary>Removes an empty chain that nothing leads to.</summary>
public sealed record DeleteChain(string Name) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.DelChain);
        w.Attribute(NftConstants.ChainName, Name);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"delete chain {table} {Name}";
}

/// <summary>Adds a rule at the end of a chain.</summary>
public sealed record AddRule(string Chain, ValueArray<NftStatement> Statements, string? Comment = null) : NftOperation
{
    public AddRule(string chain, params ReadOnlySpan<NftStatement> statements)
        : this(chain, [.. statements], null)
    {
    }

    internal override void Encode(NftEncoder encoder)
    {
        foreach (var statement in Statements)
        {
            statement.Declare(encoder);
        }

        var w = encoder.Begin(NftConstants.NewRule, NetlinkFlags.Create | NetlinkFlags.Append);
        w.Attribute(NftConstants.RuleChain, Chain);
        var context = new NftRuleContext(encoder);
        var expressions = w.BeginNested(NftConstants.RuleExpressions);
        foreach (var statement in Statements)
        {
            statement.Write(ref w, context);
        }

        w.EndNested(expressions);
        WriteComment(ref w, NftConstants.RuleUserData, Comment);
        encoder.Batch.End(w);
    }

    internal override string Render(string table)
        => $"add rule {table} {Chain} {string.Join(' ', Statements.Items.Select(s => s.Text))}{CommentText(Comment)}";
}

/// <summary>Removes a rule by the number that a list of rules gives.</summary>
public sealed record DeleteRule(string Chain, ulong Handle) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.DelRule);
        w.Attribute(NftConstants.RuleChain, Chain);
        w.BigEndian(NftConstants.RuleHandle, Handle);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => Text($"delete rule {table} {Chain} handle {Handle}");
}

/// <summary>Makes sure that a set or map exists.</summary>
public sealed record AddSet(NftSet Set) : NftOperation
{
    internal override void Encode(NftEncoder encoder) => NftSetMessages.WriteSet(encoder, Set, encoder.NewSetId());

    internal override string Render(string table)
    {
        var byExample = Set.NeedsTypeof;
        var data = Set.IsVerdictMap ? " : verdict" : Set.Data.Count > 0 ? $" : {Types(Set.Data, byExample)}" : "";
        string[] flags =
        [
            .. Set.IsInterval ? ["interval"] : Array.Empty<string>(),
            .. Set.IsDynamic ? ["dynamic"] : Array.Empty<string>(),
            .. Set.HasTimeouts || Set.Timeout is not null ? ["timeout"] : Array.Empty<string>(),
        ];
        return Text($"add {(Set.IsMap ? "map" : "set")} {table} {Set.Name} {{ {(byExample ? "typeof" : "type")} {Types(Set.Key, byExample)}{data};")
            + (flags.Length > 0 ? $" flags {string.Join(',', flags)};" : "")
            + (Set.Timeout is { } timeout ? $" timeout {NftText.Duration(timeout)};" : "")
            + (Set.Size is { } size ? Text($" size {size};") : "")
            + CommentText(Set.Comment, after: ";") + " }";
    }

    private static string Types(ValueArray<NftType> types, bool byExample)
        => string.Join(" . ", types.Items.Select(t => byExample ? t.Typeof ?? throw new ArgumentException($"{t} beside a type without a name", nameof(types)) : t.Name));
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
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.DelSet);
        w.Attribute(NftConstants.SetName, Set.Name);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"delete {(Set.IsMap ? "map" : "set")} {table} {Set.Name}";
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

/// <summary>Removes elements by their keys; each must be there.</summary>
public sealed record DeleteElements(NftSet Set, IReadOnlyList<NftElement> Elements) : NftOperation
{
    public DeleteElements(NftSet set, params ReadOnlySpan<NftElement> elements)
        : this(set, (IReadOnlyList<NftElement>)elements.ToArray())
    {
    }

    internal override void Encode(NftEncoder encoder)
        => NftSetMessages.WriteElements(encoder, NftConstants.DelSetElem, NetlinkFlags.None, Set, Elements, null);

    internal override string Render(string table)
        => Elements.Count == 0 ? "" : $"delete element {table} {Set.Name} {{ {string.Join(", ", Elements.Select(e => e.FormatKey(Set)))} }}";
}
