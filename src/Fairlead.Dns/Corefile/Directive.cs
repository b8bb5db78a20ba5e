using System.Collections.Immutable;
using System.Globalization;

namespace Fairlead.Dns.Corefile;

/// <summary>One line of a server block, with the block it may open: a word, its arguments, and the lines inside.</summary>
public sealed record Directive(string Name, Position At, ImmutableArray<string> Arguments, ImmutableArray<Directive> Body)
{
    /// <summary>All arguments of the directive's own line may be there or not; more than this many are too many.</summary>
    public Directive AtMost(int count)
        => Arguments.Length <= count ? this : throw Error($"unexpected argument '{Arguments[count]}'");

    public Directive AtLeast(int count)
        => Arguments.Length >= count ? this : throw Error("wrong argument count or unexpected line ending");

    public Directive NoArguments() => AtMost(0);

    public Directive NoBody() => Body.IsEmpty ? this : throw Body[0].Fault($"unknown property '{Body[0].Name}'");

    public string Only() => AtLeast(1).AtMost(1).Arguments[0];

    /// <summary>The one argument, a duration as Go writes it: <c>300ms</c>, <c>1h30m</c>, and a bare number for seconds.</summary>
    public TimeSpan Duration()
    {
        var text = Only();
        return GoDuration.TryParse(text, out var value) ? value : throw Error($"'{text}' is not a duration: write it like 5s, 300ms or 1h30m");
    }

    /// <summary>The one argument, a whole number within bounds.</summary>
    public int Number(int min, int max)
    {
        var text = Only();
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= min && value <= max
            ? value
            : throw Error($"'{text}' must be a number from {min} to {max}");
    }

    /// <summary>What is wrong with this directive: <c>Corefile:7: whoami: unexpected argument 'x'</c>.</summary>
    public CorefileException Error(string problem, Exception? inner = null) => new(At, $"{Name}: {problem}", inner);

    /// <summary>What is wrong at this place, in words that name the directive themselves.</summary>
    public CorefileException Fault(string problem) => new(At, problem);

    /// <summary>The refusal of a line inside a directive's block, as CoreDNS words it.</summary>
    public CorefileException UnknownProperty() => Fault($"unknown property '{Name}'");
}

/// <summary>Durations as Go's <c>time.ParseDuration</c> reads them.</summary>
internal static class GoDuration
{
    public static bool TryParse(string text, out TimeSpan value)
    {
        value = TimeSpan.Zero;
        if (text.Length == 0)
        {
            return false;
        }

        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
        {
            value = TimeSpan.FromSeconds(seconds);
            return true;
        }

        for (var i = 0; i < text.Length;)
        {
            var digits = i;
            while (i < text.Length && (char.IsAsciiDigit(text[i]) || text[i] == '.'))
            {
                i++;
            }

            var unit = i;
            while (i < text.Length && char.IsLetter(text[i]))
            {
                i++;
            }

            if (!double.TryParse(text.AsSpan(digits, unit - digits), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount)
                || amount > 1e9
                || Unit(text[unit..i]) is not { } length)
            {
                return false;
            }

            if (length.TotalSeconds * amount > int.MaxValue)
            {
                return false;
            }

            value += length * amount;
        }

        return true;
    }

    /// <summary>As Go prints durations: <c>5s</c>, <c>1m30s</c>, <c>500ms</c>.</summary>
    public static string Format(TimeSpan value)
    {
        if (value < TimeSpan.FromSeconds(1))
        {
            return value == TimeSpan.Zero ? "0s" : string.Create(CultureInfo.InvariantCulture, $"{value.TotalMilliseconds:0.###}ms");
        }

        var hours = (int)value.TotalHours;
        var text = hours > 0 ? $"{hours}h{value.Minutes}m" : value.Minutes > 0 ? $"{value.Minutes}m" : "";
        return string.Create(CultureInfo.InvariantCulture, $"{text}{value.TotalSeconds % 60:0.###}s");
    }

    private static TimeSpan? Unit(string unit) => unit switch
    {
        "ns" => TimeSpan.FromTicks(1) / 100,
        "us" or "µs" => TimeSpan.FromMicroseconds(1),
        "ms" => TimeSpan.FromMilliseconds(1),
        "s" => TimeSpan.FromSeconds(1),
        "m" => TimeSpan.FromMinutes(1),
        "h" => TimeSpan.FromHours(1),
        _ => null,
    };
}
