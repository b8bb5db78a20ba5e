namespace Fairlead.Linux.Nftables;

/// <summary>An element of a set or map.</summary>
/// <remarks>Two are equal where they were written equal: what the kernel alone changes (<see cref="TimeLeft"/>, <see cref="Counts"/>) does not matter.</remarks>
public sealed record NftElement(ValueArray<NftValue> Key)
{
    /// <summary>What the key leads to, in a data map.</summary>
    public ValueArray<NftValue> Data { get; init; }

    /// <summary>What the key leads to, in a verdict map.</summary>
    public NftVerdict? Verdict { get; init; }

    /// <summary>The name of the counter, quota or limit the key leads to, in a map of those.</summary>
    public string? Object { get; init; }

    /// <summary>The name of the API object it comes from.</summary>
    public string? Comment { get; init; }

    public TimeSpan? Timeout { get; init; }

    /// <summary>When read: how long it still stays. When written: how long it stays the first time, where that is not its timeout.</summary>
    public TimeSpan? TimeLeft { get; init; }

    /// <summary>What met it, where the set counts; when written, what it begins with.</summary>
    public NftCounts? Counts { get; init; }

    public bool Equals(NftElement? other)
        => other is not null && Key == other.Key && Data == other.Data && Verdict == other.Verdict && Object == other.Object && Comment == other.Comment && Timeout == other.Timeout;

    public override int GetHashCode() => HashCode.Combine(Key, Data, Verdict, Comment, Timeout);

    internal string Format(NftSet set)
    {
        var text = Join(Key, set.Key);
        text += Counts is { } counts ? $" counter {counts}" : "";
        text += Timeout is { } timeout ? $" timeout {NftText.Duration(timeout)}" : "";
        text += TimeLeft is { } left ? $" expires {NftText.Duration(left)}" : "";
        text += Comment is { } comment ? $" comment \"{NftUserData.Clean(comment)}\"" : "";
        return Object is not null ? $"{text} : \"{Object}\"" : set.IsVerdictMap ? $"{text} : {Verdict}" : set.Data.Count > 0 ? $"{text} : {Join(Data, set.Data)}" : text;
    }

    /// <summary>The key alone, by which an element is removed.</summary>
    internal string FormatKey(NftSet set) => Join(Key, set.Key);

    private static string Join(ValueArray<NftValue> values, ValueArray<NftType> types)
        => values.Count == types.Count
            ? string.Join(" . ", values.Items.Zip(types.Items, (v, t) => v.Format(t)))
            : throw new ArgumentException($"{values.Count} values for {types.Count} types ({types})", nameof(values));
}
