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

    internal static string Family(NftFamily family) => family.ToString().ToLowerInvariant();
}
