using System.Globalization;

namespace Fairlead.Linux.Nftables;

/// <summary>Pieces of nft's syntax.</summary>
internal static class NftText
{
    /// <summary>A time as nft writes it: <c>3h</c>, <c>1h30m</c>, <c>250ms</c>.</summary>
    internal static string Duration(TimeSpan time)
    {
        (long Amount, string Unit)[] parts =
        [
            (time.Days, "d"), (time.Hours, "h"), (time.Minutes, "m"), (time.Seconds, "s"), (time.Milliseconds, "ms"),
        ];
        var text = string.Concat(parts.Where(p => p.Amount > 0).Select(p => string.Create(CultureInfo.InvariantCulture, $"{p.Amount}{p.Unit}")));
        return text.Length == 0 ? "0s" : text;
    }

    internal static string Family(NftFamily family) => Word(family);

    /// <summary>The word of nft for a name of ours.</summary>
    internal static string Word<T>(T value)
        where T : struct, Enum
        => value.ToString().ToLowerInvariant();

    internal static string Flags<T>(T value)
        where T : struct, Enum
        => value.ToString().ToLowerInvariant().Replace(", ", ",", StringComparison.Ordinal);

    /// <summary>Text that is the same in every country.</summary>
    internal static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>A number of bytes in the largest unit that tells it exactly.</summary>
    internal static (ulong Amount, string Unit) Bytes(ulong bytes) => bytes switch
    {
        0 => (0, "bytes"),
        _ when bytes % (1 << 20) == 0 => (bytes >> 20, "mbytes"),
        _ when bytes % (1 << 10) == 0 => (bytes >> 10, "kbytes"),
        _ => (bytes, "bytes"),
    };

    internal static string Quota(ulong bytes, bool isOver, ulong used)
    {
        var (amount, unit) = Bytes(bytes);
        var (usedAmount, usedUnit) = Bytes(used);
        return Invariant($"{(isOver ? "over " : "")}{amount} {unit}{(used == 0 ? "" : Invariant($" used {usedAmount} {usedUnit}"))}");
    }
}
