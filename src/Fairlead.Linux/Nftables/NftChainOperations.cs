using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Where a chain is tied to the way of packets.</summary>
/// <param name="Priority">Order among chains of the same hook: -300 before connection tracking, -100 where destinations are changed, 0 filter, 100 where sources are.</param>
public sealed record NftBaseChain(NftChainType Type, NftHook Hook, int Priority)
{
    /// <summary>Whether packets that reach the end are accepted.</summary>
    public bool AcceptByDefault { get; init; } = true;

    /// <summary>The interfaces whose packets it sees: for <see cref="NftHook.Ingress"/> and <see cref="NftHook.Egress"/>.</summary>
    public ValueArray<string> Devices { get; init; }

    internal void Write(ref NetlinkWriter w, NftFamily family)
    {
        var hook = w.BeginNested(NftConstants.ChainHook);
        w.BigEndian(NftConstants.HookNumber, NftHooks.Number(family, Hook));
        w.BigEndian(NftConstants.HookPriority, (uint)Priority);
        NftHooks.WriteDevices(ref w, Devices);
        w.EndNested(hook);
        w.BigEndian(NftConstants.ChainPolicy, AcceptByDefault ? 1u : 0);
        w.Attribute(NftConstants.ChainType, NftText.Word(Type));
    }

    internal string Text => NftText.Invariant(
        $" type {NftText.Word(Type)} hook {NftText.Word(Hook)}{NftHooks.DevicesText(Devices)} priority {Priority}; policy {(AcceptByDefault ? "accept" : "drop")};");
}

/// <summary>Makes sure that a chain exists; without a hook it is one to jump to. One that is there takes the policy that is given.</summary>
public sealed record AddChain(string Name, NftBaseChain? Base = null, string? Comment = null) : NftOperation
{
    internal override void Encode(NftEncoder encoder)
    {
        var w = encoder.Begin(NftConstants.NewChain, NetlinkFlags.Create);
        w.Attribute(NftConstants.ChainName, Name);
        Base?.Write(ref w, encoder.Family);
        WriteComment(ref w, NftConstants.ChainUserData, Comment);
        encoder.Batch.End(w);
    }

    internal override string Render(string table)
    {
        var body = Base?.Text + CommentText(Comment, after: ";");
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
    /// <summary>Whether it is as well where there is none (Linux 6.3).</summary>
    public bool IfThere { get; init; }

    internal override void Encode(NftEncoder encoder)
    {
        var w = BeginRemoval(encoder, NftConstants.DelChain, NftConstants.DestroyChain, IfThere);
        w.Attribute(NftConstants.ChainName, Name);
        encoder.Batch.End(w);
    }

    internal override string Render(string table) => $"{RemovalWord(IfThere)} chain {table} {Name}";
}
