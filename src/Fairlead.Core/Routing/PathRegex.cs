using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Fairlead.Core.Routing;

/// <summary>A path as nginx reads it in a host with regexes: a case-insensitive regex tied to the beginning only.</summary>
/// <remarks>
/// The engine is the linear-time one: no pattern of a user can make a request slow. It has no look-around, no back-references and no
/// atomic groups: such a pattern is refused with a diagnostic. A path without metacharacters is compared as text, so that most hosts run
/// no regex at all.
/// </remarks>
internal sealed class PathRegex
{
    private static readonly SearchValues<char> s_meta = SearchValues.Create(@"\^$.|?*+()[]{}");

    private readonly string? _literal;
    private readonly Regex? _regex;

    private PathRegex(string? literal, Regex? regex) => (_literal, _regex) = (literal, regex);

    public static bool TryCreate(string path, [NotNullWhen(true)] out PathRegex? created, out string fault)
    {
        fault = "";
        var bytes = RequestTarget.ToBytes(path);
        if (!bytes.AsSpan().ContainsAny(s_meta))
        {
            created = new PathRegex(bytes, null);
            return true;
        }

        try
        {
            created = new PathRegex(null,
                new Regex("^" + bytes, RegexOptions.NonBacktracking | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant));
            return true;
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            created = null;
            fault = e.Message;
            return false;
        }
    }

    public bool TryMatch(string path, out Match? captures)
    {
        captures = null;
        if (_literal is not null)
        {
            return path.StartsWith(_literal, StringComparison.OrdinalIgnoreCase);
        }

        captures = _regex!.Match(path);
        return captures.Success;
    }
}
