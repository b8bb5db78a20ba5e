using System.Globalization;

namespace Fairlead.Core.Routing;

/// <summary>Reads the texts of annotations and ConfigMap keys into types, and collects what cannot be read.</summary>
/// <param name="find">The text of a name, or null.</param>
/// <param name="report">Told the name, the value and what is expected; the default is used then.</param>
internal sealed class ValueReader(Func<string, string?> find, Action<string, string, string> report)
{
    public string? Text(string name) => find(name) is { } text && text.Trim() is { Length: > 0 } trimmed ? trimmed : null;

    /// <summary>As Go's <c>strconv.ParseBool</c>, which is what ingress-nginx takes.</summary>
    public bool Bool(string name, bool otherwise)
        => Text(name) switch
        {
            null => otherwise,
            "true" or "True" or "TRUE" or "t" or "T" or "1" => true,
            "false" or "False" or "FALSE" or "f" or "F" or "0" => false,
            var other => Bad(name, other, "'true' or 'false'", otherwise),
        };

    public int Int(string name, int otherwise, int least = 0, int most = int.MaxValue)
        => Text(name) is not { } text ? otherwise
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most ? value
            : Bad(name, text, most == int.MaxValue ? $"a whole number from {least}" : $"a whole number from {least} to {most}", otherwise);

    /// <summary>Whole seconds without a unit, as ingress-nginx's time-outs are.</summary>
    public TimeSpan Seconds(string name, TimeSpan otherwise)
    {
        // A day is beyond any use, and keeps timers in range.
        const int Most = 86400;
        return TimeSpan.FromSeconds(Int(name, (int)otherwise.TotalSeconds, 0, Most));
    }

    /// <summary>A number of bytes with an optional unit <c>k</c>, <c>m</c> or <c>g</c>.</summary>
    public long Size(string name, long otherwise)
    {
        if (Text(name) is not { } text)
        {
            return otherwise;
        }

        var shift = char.ToLowerInvariant(text[^1]) switch { 'k' => 10, 'm' => 20, 'g' => 30, _ => 0 };
        var digits = shift == 0 ? text : text[..^1];
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value <= long.MaxValue >> shift
            ? value << shift
            : Bad(name, text, "a size such as 8k, 1m, or 0 for no limit", otherwise);
    }

    public T Bad<T>(string name, string value, string expected, T otherwise)
    {
        report(name, value, expected);
        return otherwise;
    }
}
