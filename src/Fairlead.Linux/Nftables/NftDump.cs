using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>A table as the kernel has it.</summary>
public sealed record NftTableEntry(NftFamily Family, string Name, string? Comment)
{
    public NftTableFlags Flags { get; init; }

    /// <summary>The socket that owns it (<see cref="NftablesSocket.PortId"/>), or 0.</summary>
    public uint Owner { get; init; }
}

/// <summary>A chain as the kernel has it.</summary>
public sealed record NftChainEntry(string Name, NftBaseChain? Base, string? Comment);

/// <summary>A rule as the kernel has it.</summary>
/// <param name="Handle">What names the rule.</param>
/// <param name="Expressions">The names of the expressions it is made of.</param>
public sealed record NftRuleEntry(string Chain, ulong Handle, string? Comment, ValueArray<string> Expressions)
{
    /// <summary>What it matches and does in nft's words, as <c>nft list</c> shows them; without the comment.</summary>
    public string Text { get; init; } = "";

    /// <summary>What its counter has counted, where it has one of its own.</summary>
    public NftCounts? Counts { get; init; }

    /// <summary>Packets that its counter has seen, where it has one.</summary>
    public ulong? Packets => Counts?.Packets;

    /// <summary>Bytes that its counter has seen, where it has one.</summary>
    public ulong? Bytes => Counts?.Bytes;
}

/// <summary>Reads what the kernel has of nftables.</summary>
internal static class NftDump
{
    internal static NftTableEntry? ReadTable(scoped NetlinkMessage message)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewTable))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out var header);
        var entry = new NftTableEntry((NftFamily)(byte)header, "", null);
        while (attributes.TryRead(out var a))
        {
            entry = a.Type switch
            {
                NftConstants.TableName => entry with { Name = a.Text },
                NftConstants.TableFlags => entry with { Flags = (NftTableFlags)a.BigEndian32 },
                NftConstants.TableOwner => entry with { Owner = a.BigEndian32 },
                NftConstants.TableUserData => entry with { Comment = NftUserData.ReadComment(a.Value) },
                _ => entry,
            };
        }

        return entry;
    }

    internal static NftChainEntry? ReadChain(scoped NetlinkMessage message, NftFamily family, string table)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewChain))
        {
            return null;
        }

        // A list of one family has its chains alone; a table of the same name in another family is another one.
        var attributes = message.Attributes<uint>(out var header);
        if ((NftFamily)(byte)header != family)
        {
            return null;
        }

        var entry = new NftChainEntry("", null, null);
        var type = NftChainType.Filter;
        var accept = true;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case NftConstants.ChainTable when a.Text != table:
                    return null;
                case NftConstants.ChainName:
                    entry = entry with { Name = a.Text };
                    break;
                case NftConstants.ChainHook:
                    entry = entry with { Base = ReadHook(a.Nested, family) };
                    break;
                case NftConstants.ChainPolicy:
                    accept = a.BigEndian32 == 1;
                    break;
                case NftConstants.ChainType:
                    _ = Enum.TryParse(a.Text, ignoreCase: true, out type);
                    break;
                case NftConstants.ChainUserData:
                    entry = entry with { Comment = NftUserData.ReadComment(a.Value) };
                    break;
            }
        }

        return entry.Base is { } tied ? entry with { Base = tied with { Type = type, AcceptByDefault = accept } } : entry;
    }

    internal static NftReadRule? ReadRule(scoped NetlinkMessage message, string table, string? chain)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewRule))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        var entry = new NftRuleEntry("", 0, null, []);
        List<NftInstruction> program = [];
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case NftConstants.RuleTable when a.Text != table:
                    return null;
                case NftConstants.RuleChain:
                    entry = entry with { Chain = a.Text };
                    break;
                case NftConstants.RuleHandle:
                    entry = entry with { Handle = a.BigEndian64 };
                    break;
                case NftConstants.RuleUserData:
                    entry = entry with { Comment = NftUserData.ReadComment(a.Value) };
                    break;
                case NftConstants.RuleExpressions:
                    program = NftInstruction.ReadAll(a.Nested);
                    break;
            }
        }

        if (chain is not null && entry.Chain != chain)
        {
            return null;
        }

        return new(entry with
        {
            Expressions = [.. program.Select(i => i.Name)],
            Counts = program.Find(i => i.Name == "counter") is { } counter
                ? new NftCounts(counter.Long(NftConstants.CounterPackets), counter.Long(NftConstants.CounterBytes))
                : null,
        }, program);
    }

    private static NftBaseChain ReadHook(AttributeReader attributes, NftFamily family)
    {
        var tied = new NftBaseChain(NftChainType.Filter, NftHook.Prerouting, 0);
        while (attributes.TryRead(out var a))
        {
            tied = a.Type switch
            {
                NftConstants.HookNumber => tied with { Hook = NftHooks.Read(family, a.BigEndian32) },
                NftConstants.HookPriority => tied with { Priority = (int)a.BigEndian32 },
                NftConstants.HookDevice => tied with { Devices = [a.Text] },
                NftConstants.HookDevices => tied with { Devices = NftHooks.ReadDevices(a.Nested) },
                _ => tied,
            };
        }

        return tied;
    }

    internal static NftObject? ReadObject(scoped NetlinkMessage message, string table)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewObject))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        var (name, comment, type) = ("", (string?)null, 0u);
        byte[] data = [];
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case NftConstants.ObjectTable when a.Text != table:
                    return null;
                case NftConstants.ObjectName:
                    name = a.Text;
                    break;
                case NftConstants.ObjectType:
                    type = a.BigEndian32;
                    break;
                case NftConstants.ObjectData:
                    data = a.Value.ToArray();
                    break;
                case NftConstants.ObjectUserData:
                    comment = NftUserData.ReadComment(a.Value);
                    break;
            }
        }

        return NftObject.Read(type, name, comment, new(data));
    }

    internal static NftFlowtable? ReadFlowtable(scoped NetlinkMessage message, string table)
    {
        if (message.Type != NftConstants.Message(NftConstants.NewFlowtable))
        {
            return null;
        }

        var attributes = message.Attributes<uint>(out _);
        var flowtable = new NftFlowtable("", 0, []);
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case NftConstants.TableName when a.Text != table:
                    return null;
                case NftConstants.FlowtableName:
                    flowtable = flowtable with { Name = a.Text };
                    break;
                case NftConstants.FlowtableHook:
                    var hook = ReadHook(a.Nested, NftFamily.Netdev);
                    flowtable = flowtable with { Priority = hook.Priority, Devices = hook.Devices };
                    break;
            }
        }

        return flowtable;
    }
}

/// <summary>A rule as it came, before the sets are known that its text needs.</summary>
internal sealed record NftReadRule(NftRuleEntry Entry, IReadOnlyList<NftInstruction> Program)
{
    /// <summary>Whether its text needs to know of sets.</summary>
    internal bool UsesSets => Program.Any(i => i.Name is "lookup" or "dynset");
}
