using System.Collections.Immutable;
using System.Text;
using System.Text.RegularExpressions;

namespace Fairlead.Core.Routing;

/// <summary>The replacement of <c>rewrite-target</c>: text with <c>$1</c> to <c>$9</c> for what the path's regex captured.</summary>
/// <remarks>
/// As nginx's <c>rewrite</c>: the result replaces the whole path; arguments of the template come before the request's own,
/// and a template that ends in <c>?</c> drops those. The template is split before captures are put in, so no capture can start a query.
/// </remarks>
public sealed class RewriteTemplate : IEquatable<RewriteTemplate>
{
    private readonly string _text;
    private readonly ImmutableArray<Piece> _path;
    private readonly ImmutableArray<Piece> _arguments;
    private readonly bool _keepsQuery;

    private RewriteTemplate(string text)
    {
        _text = text;
        var bytes = RequestTarget.ToBytes(text);
        var mark = bytes.IndexOf('?', StringComparison.Ordinal);
        _keepsQuery = mark < 0 || !bytes.EndsWith('?');
        _path = Pieces(mark < 0 ? bytes : bytes[..mark]);
        _arguments = mark < 0 ? [] : Pieces(bytes[(mark + 1)..].TrimEnd('?'));
    }

    /// <summary>The highest capture used; 0 for plain text.</summary>
    public int Captures => _path.Concat(_arguments).Select(p => p.Capture).DefaultIfEmpty().Max();

    /// <summary>Reads a template; anything after <c>$</c> but a digit from 1 to 9 is text: there are no variables.</summary>
    public static RewriteTemplate Parse(string text) => new(text);

    /// <summary>The target to send upstream for a request that matched.</summary>
    /// <param name="match">What the path's regex matched; null for a path without metacharacters, which captures nothing.</param>
    /// <param name="query">The request's query with its question mark, or nothing.</param>
    public string Apply(Match? match, string query)
    {
        var path = Expand(_path, match, static captured => captured);
        var target = RequestTarget.Escape(path.StartsWith('/') ? path : "/" + path);
        var arguments = Expand(_arguments, match, RequestTarget.Escape);
        if (!_keepsQuery || query.Length <= 1)
        {
            return arguments.Length == 0 ? target : $"{target}?{arguments}";
        }

        return arguments.Length == 0 ? target + query : $"{target}?{arguments}&{query.AsSpan(1)}";
    }

    public bool Equals(RewriteTemplate? other) => other is not null && string.Equals(_text, other._text, StringComparison.Ordinal);

    public override bool Equals(object? obj) => Equals(obj as RewriteTemplate);

    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => _text;

    /// <summary>
    /// The pieces with their captures; <paramref name="escape"/> is for captures only, since a query in the template is sent as written.
    /// </summary>
    private static string Expand(ImmutableArray<Piece> pieces, Match? match, Func<string, string> escape)
    {
        if (pieces.IsEmpty)
        {
            return "";
        }

        if (pieces is [{ Capture: 0 } only])
        {
            return only.Literal;
        }

        var text = new StringBuilder();
        foreach (var (literal, capture) in pieces)
        {
            text.Append(literal);
            if (capture > 0 && match?.Groups[capture] is { Success: true } group)
            {
                text.Append(escape(group.Value));
            }
        }

        return text.ToString();
    }

    private static ImmutableArray<Piece> Pieces(string text)
    {
        var pieces = ImmutableArray.CreateBuilder<Piece>();
        var literal = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '$' && i + 1 < text.Length && text[i + 1] is >= '1' and <= '9')
            {
                pieces.Add(new Piece(literal.ToString(), text[++i] - '0'));
                literal.Clear();
            }
            else
            {
                literal.Append(text[i]);
            }
        }

        pieces.Add(new Piece(literal.ToString(), 0));
        return pieces.DrainToImmutable();
    }

    private readonly record struct Piece(string Literal, int Capture);
}
