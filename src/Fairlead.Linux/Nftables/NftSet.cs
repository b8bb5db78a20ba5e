using System.Collections.Immutable;

namespace Fairlead.Linux.Nftables;

/// <summary>A set, or where <see cref="Data"/> or <see cref="IsVerdictMap"/> says so a map, of a table.</summary>
public sealed record NftSet(string Name, ValueArray<NftType> Key)
{
    /// <summary>The types of what a key leads to, for a data map.</summary>
    public ValueArray<NftType> Data { get; init; }

    /// <summary>Whether a key leads to a verdict.</summary>
    public bool IsVerdictMap { get; init; }

    /// <summary>Whether a key leads to a named counter, quota or limit, and to which: <c>counter</c>, <c>quota</c>, <c>limit</c>.</summary>
    public string? ObjectKind { get; init; }

    /// <summary>Whether elements may be ranges and networks.</summary>
    public bool IsInterval { get; init; }

    /// <summary>Whether rules add elements.</summary>
    public bool IsDynamic { get; init; }

    /// <summary>How long an element stays that says nothing else.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Whether elements may have a time to end.</summary>
    public bool HasTimeouts { get; init; }

    /// <summary>Most elements it may have.</summary>
    public int? Size { get; init; }

    /// <summary>How often the kernel looks for elements whose time is over.</summary>
    public TimeSpan? GcInterval { get; init; }

    /// <summary>Whether each element counts the packets and bytes that meet it.</summary>
    public bool HasCounters { get; init; }

    public string? Comment { get; init; }

    public bool IsMap => IsVerdictMap || Data.Count > 0 || ObjectKind is not null;

    /// <summary>The elements, where the set stands in one rule and has no name.</summary>
    internal ImmutableArray<NftElement> Inline { get; private init; }

    internal bool IsInline => !Inline.IsDefault;

    internal bool NeedsTypeof => Key.Items.Concat(Data.Items).Any(t => t.NeedsTypeof);

    internal bool IsIntervalConcat => IsInterval && Key.Count > 1;

    /// <summary>What a key leads to, as a declaration says it.</summary>
    internal string DataWords
        => IsVerdictMap ? " : verdict" : ObjectKind is not null ? $" : {ObjectKind}" : Data.Count > 0 ? $" : {AddSet.Types(Data, NeedsTypeof)}" : "";

    /// <summary>The flags that nft names.</summary>
    internal string FlagWords => string.Join(',', new[]
    {
        IsInterval ? "interval" : "",
        IsDynamic ? "dynamic" : "",
        HasTimeouts || Timeout is not null ? "timeout" : "",
    }.Where(word => word.Length > 0));

    internal uint Flags
        => (IsInline ? NftConstants.SetFlagAnonymous | NftConstants.SetFlagConstant : 0)
            | (IsInterval ? NftConstants.SetFlagInterval : 0)
            | (ObjectKind is not null ? NftConstants.SetFlagObject : IsMap ? NftConstants.SetFlagMap : 0)
            | (Timeout is not null || HasTimeouts ? NftConstants.SetFlagTimeout : 0)
            | (IsDynamic ? NftConstants.SetFlagEval : 0)
            | (IsIntervalConcat ? NftConstants.SetFlagConcat : 0);

    /// <summary>A set of data types, written in place in a rule: <c>{ 10.0.0.0/8, 192.168.0.0/16 }</c>.</summary>
    public static NftSet Of(ValueArray<NftType> key, params ReadOnlySpan<NftElement> elements)
        => new("__set%d", key) { Inline = [.. elements], IsInterval = HasRange(elements) };

    /// <summary>A map from keys to verdicts, written in place in a rule.</summary>
    public static NftSet OfVerdicts(ValueArray<NftType> key, params ReadOnlySpan<NftElement> elements)
        => new("__map%d", key) { Inline = [.. elements], IsInterval = HasRange(elements), IsVerdictMap = true };

    /// <summary>How a rule speaks of it.</summary>
    internal string Reference => IsInline ? $"{{ {string.Join(", ", Inline.Select(e => e.Format(this)))} }}" : $"@{Name}";

    // Written out because an immutable array compares by reference.
    public bool Equals(NftSet? other)
        => other is not null && Name == other.Name && Key == other.Key && Data == other.Data && ObjectKind == other.ObjectKind && IsVerdictMap == other.IsVerdictMap
            && IsInterval == other.IsInterval && IsDynamic == other.IsDynamic && Timeout == other.Timeout && HasTimeouts == other.HasTimeouts
            && GcInterval == other.GcInterval && HasCounters == other.HasCounters && Size == other.Size && Comment == other.Comment && (IsInline ? Inline : []).SequenceEqual(other.IsInline ? other.Inline : []);

    public override int GetHashCode() => HashCode.Combine(Name, Key, Data, IsVerdictMap, IsInterval);

    private static bool HasRange(ReadOnlySpan<NftElement> elements)
    {
        foreach (var element in elements)
        {
            if (element.Key.Items.Any(v => v.IsRange))
            {
                return true;
            }
        }

        return false;
    }
}
