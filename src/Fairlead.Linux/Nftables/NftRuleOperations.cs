using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Adds a rule at the end of a chain, or right after another.</summary>
public sealed record AddRule(string Chain, ValueArray<NftStatement> Statements, string? Comment = null) : NftOperation
{
    public AddRule(string chain, params ReadOnlySpan<NftStatement> statements)
        : this(chain, [.. statements], null)
    {
    }

    /// <summary>The number of the rule to come after.</summary>
    public ulong? After { get; init; }

    internal override void Encode(NftEncoder encoder)
        => NftRuleMessages.Write(encoder, NetlinkFlags.Create | NetlinkFlags.Append, Chain, Statements, Comment, NftConstants.RulePosition, After);

    internal override string Render(string table)
        => Text($"add rule {table} {Chain}{NftRuleMessages.At(After)} {NftRuleMessages.Words(Statements)}{CommentText(Comment)}");
}

/// <summary>Puts a rule at the beginning of a chain, or right before another.</summary>
public sealed record InsertRule(string Chain, ValueArray<NftStatement> Statements, string? Comment = null) : NftOperation
{
    public InsertRule(string chain, params ReadOnlySpan<NftStatement> statements)
        : this(chain, [.. statements], null)
    {
    }

    /// <summary>The number of the rule to come before.</summary>
    public ulong? Before { get; init; }

    internal override void Encode(NftEncoder encoder)
        => NftRuleMessages.Write(encoder, NetlinkFlags.Create, Chain, Statements, Comment, NftConstants.RulePosition, Before);

    internal override string Render(string table)
        => Text($"insert rule {table} {Chain}{NftRuleMessages.At(Before)} {NftRuleMessages.Words(Statements)}{CommentText(Comment)}");
}

/// <summary>Puts a rule in the place of another, by the number that a list of rules gives; no packet meets neither or both.</summary>
public sealed record ReplaceRule(string Chain, ulong Handle, ValueArray<NftStatement> Statements, string? Comment = null) : NftOperation
{
    public ReplaceRule(string chain, ulong handle, params ReadOnlySpan<NftStatement> statements)
        : this(chain, handle, [.. statements], null)
    {
    }

    internal override void Encode(NftEncoder encoder)
        => NftRuleMessages.Write(encoder, NetlinkFlags.Replace, Chain, Statements, Comment, NftConstants.RuleHandle, Handle);

    internal override string Render(string table)
        => Text($"replace rule {table} {Chain}{NftRuleMessages.At(Handle)} {NftRuleMessages.Words(Statements)}{CommentText(Comment)}");
}

/// <summary>Removes a rule by the number that a list of rules gives.</summary>
public sealed record DeleteRule(string Chain, ulong Handle) : NftOperation
{
    /// <summary>Whether it is as well where there is none (Linux 6.3).</summary>
    public bool IfThere { get; init; }

    internal override void Encode(NftEncoder encoder)
    {
        var w = BeginRemoval(encoder, NftConstants.DelRule, NftConstants.DestroyRule, IfThere);
        w.Attribute(NftConstants.RuleChain, Chain);
        w.BigEndian(NftConstants.RuleHandle, Handle);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => Text($"{RemovalWord(IfThere)} rule {table} {Chain}{NftRuleMessages.At(Handle)}");
}

/// <summary>Rules to nf_tables messages.</summary>
internal static class NftRuleMessages
{
    internal static void Write(
        NftEncoder encoder, NetlinkFlags flags, string chain, ValueArray<NftStatement> statements, string? comment, ushort numberType, ulong? number)
    {
        foreach (var statement in statements)
        {
            statement.Declare(encoder);
        }

        var w = encoder.Begin(NftConstants.NewRule, flags);
        w.Attribute(NftConstants.RuleChain, chain);
        if (number is { } which)
        {
            w.BigEndian(numberType, which);
        }

        var context = new NftRuleContext(encoder);
        var expressions = w.BeginNested(NftConstants.RuleExpressions);
        foreach (var statement in statements)
        {
            statement.Write(ref w, context);
        }

        w.EndNested(expressions);
        if (comment is not null)
        {
            NftUserData.WriteComment(ref w, NftConstants.RuleUserData, comment);
        }

        encoder.Batch.End(w);
    }

    internal static string Words(ValueArray<NftStatement> statements) => string.Join(' ', statements.Items.Select(s => s.Text));

    internal static string At(ulong? handle) => handle is { } number ? NftText.Invariant($" handle {number}") : "";
}
