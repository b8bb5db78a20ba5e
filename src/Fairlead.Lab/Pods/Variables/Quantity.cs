using System.Globalization;

namespace Fairlead.Lab.Pods.Variables;

/// <summary>Kubernetes' amounts: <c>250m</c>, <c>64Mi</c>, <c>1e3</c>.</summary>
internal static class Quantity
{
    private static readonly (string Suffix, decimal Factor)[] s_suffixes =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("Pi", 1L << 50), ("Ei", 1L << 60),
        ("n", 0.000000001m), ("u", 0.000001m), ("m", 0.001m),
        ("k", 1000m), ("M", 1000_000m), ("G", 1000_000_000m), ("T", 1000_000_000_000m), ("P", 1000_000_000_000_000m), ("E", 1000_000_000_000_000_000m),
    ];

    public static bool TryParse(string? text, out decimal value)
    {
        value = 0;
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        foreach (var (suffix, factor) in s_suffixes)
        {
            if (text.EndsWith(suffix, StringComparison.Ordinal) && TryNumber(text.AsSpan(0, text.Length - suffix.Length), out var number))
            {
                value = number * factor;
                return true;
            }
        }

        return TryNumber(text, out value);
    }

    /// <summary>How many times <paramref name="divisor"/> goes into the amount, rounded up as kubelet does.</summary>
    public static string? Divide(string? amount, string? divisor)
    {
        if (!TryParse(amount, out var value))
        {
            return null;
        }

        var by = TryParse(divisor, out var d) && d > 0 ? d : 1;
        return Math.Ceiling(value / by).ToString(CultureInfo.InvariantCulture);
    }

    private static bool TryNumber(ReadOnlySpan<char> text, out decimal value)
        => decimal.TryParse(text, NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value);
}
