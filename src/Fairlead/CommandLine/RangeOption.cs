using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;

namespace Fairlead.CommandLine;

/// <summary>An option whose value is a range of addresses, such as 10.32.0.0/12; host bits are refused.</summary>
internal static class RangeOption
{
    public static Option<IPNetwork> Create(string name, string description, string fallback) => new(name)
    {
        Description = description,
        HelpName = "RANGE",
        CustomParser = Parse,
        DefaultValueFactory = _ => IPNetwork.Parse(fallback),
    };

    /// <summary>One range, or two with a comma between.</summary>
    public static Option<IReadOnlyList<IPNetwork>> CreateList(string name, string description, string fallback) => new(name)
    {
        Description = description,
        HelpName = "RANGE[,RANGE]",
        CustomParser = ParseList,
        DefaultValueFactory = _ => [IPNetwork.Parse(fallback)],
    };

    /// <summary>Any number of ranges with commas between; none where it is not given.</summary>
    public static Option<IReadOnlyList<IPNetwork>> CreateAny(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "RANGE[,RANGE…]",
        CustomParser = result => [.. result.Tokens.SelectMany(t => t.Value.Split(',')).Select(text => Parse(result, text))],
        DefaultValueFactory = _ => [],
    };

    private static IReadOnlyList<IPNetwork> ParseList(ArgumentResult result)
    {
        var texts = result.Tokens[^1].Value.Split(',');
        if (texts.Length > 2)
        {
            result.AddError($"'{result.Tokens[^1].Value}' has more than two ranges");
        }

        return [.. texts.Select(text => Parse(result, text))];
    }

    private static IPNetwork Parse(ArgumentResult result) => Parse(result, result.Tokens[^1].Value);

    private static IPNetwork Parse(ArgumentResult result, string text)
    {
        if (IPNetwork.TryParse(text, out var range) && text.StartsWith($"{range.BaseAddress}/", StringComparison.OrdinalIgnoreCase))
        {
            return range;
        }

        result.AddError($"'{text}' is not a range whose host bits are zero, such as 10.32.0.0/12");
        return default;
    }
}
