using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;

namespace Fairlead.Dns.Corefile;

/// <summary>What the parser may touch outside the text it is given. Tests make their own; the role passes the real one.</summary>
/// <param name="Variable">The environment.</param>
/// <param name="Expand">The files a pattern names, sorted; empty when there are none.</param>
/// <param name="Read">A file's text.</param>
public sealed record CorefileHost(Func<string, string?> Variable, Func<string, IReadOnlyList<string>> Expand, Func<string, string> Read)
{
    public static CorefileHost Real { get; } = new(Environment.GetEnvironmentVariable, ExpandFiles, File.ReadAllText);

    private static List<string> ExpandFiles(string pattern)
    {
        var directory = Path.GetDirectoryName(pattern);
        var name = Path.GetFileName(pattern);
        if (name.IndexOfAny(['*', '?']) < 0)
        {
            return File.Exists(pattern) ? [pattern] : [];
        }

        directory = string.IsNullOrEmpty(directory) ? "." : directory;
        return Directory.Exists(directory)
            ? [.. Directory.EnumerateFiles(directory, name).Where(f => !Path.GetFileName(f).StartsWith('.')).Order(StringComparer.Ordinal)]
            : [];
    }
}

/// <summary>Reads a Corefile into server blocks: keys, directives, snippets, imports. Says where the first fault is.</summary>
public sealed class CorefileParser
{
    private const int MaxImports = 10_000;
    private readonly CorefileHost _host;
    private readonly string _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
    private readonly Dictionary<string, List<Token>> _snippets = new(StringComparer.Ordinal);
    private List<Token> _tokens;
    private int _next;
    private int _imports;

    private CorefileParser(string file, string text, CorefileHost host)
    {
        (_host, _file) = (host, file);
        _tokens = Tokenize(file, text);
    }

    /// <summary>Parses a Corefile's text. <paramref name="file"/> is its name in messages, and where relative imports start.</summary>
    public static CorefileDocument Parse(string file, string text, CorefileHost? host = null)
        => new CorefileParser(file, text, host ?? CorefileHost.Real).Document();

    private Token? Current => _next < _tokens.Count ? _tokens[_next] : null;

    private CorefileDocument Document()
    {
        var blocks = ImmutableArray.CreateBuilder<ServerBlock>();
        while (Current is { } token)
        {
            if (token.Is("import"))
            {
                Import(withinBlock: false);
            }
            else if (IsSnippetName(token))
            {
                DefineSnippet(token);
            }
            else
            {
                blocks.Add(Block());
            }
        }

        using (_hash)
        {
            return new CorefileDocument(_file, blocks.DrainToImmutable(), Convert.ToHexStringLower(_hash.GetHashAndReset()));
        }
    }

    private ServerBlock Block()
    {
        var at = Current!.Value.At;
        var keys = ImmutableArray.CreateBuilder<ZoneKey>();
        var open = false;
        var more = true;
        for (var line = at.Line; Current is { } token && (more || token.At.Line == line || token.Is("{")); line = token.At.Line)
        {
            if (token.Is("{"))
            {
                open = true;
                _next++;
                break;
            }

            if (token.Is("}"))
            {
                throw new CorefileException(token.At, "unexpected '}' because no matching opening brace");
            }

            if (token.Is("import"))
            {
                Import(withinBlock: false);
                line = Current?.At.Line ?? line;
                continue;
            }

            // The brace must be a word of its own, or it would be part of the zone.
            if (token.Text.EndsWith('{') && !token.Quoted)
            {
                throw new CorefileException(token.At, $"'{token.Text}': put a space before the opening brace");
            }

            more = token.Text.EndsWith(',');
            foreach (var part in token.Text.Split(',', StringSplitOptions.RemoveEmptyEntries))
            {
                keys.AddRange(ZoneKeyParser.ParseKey(part, token.At));
            }

            _next++;
        }

        // Without braces the rest of the file is the one block's body.
        var directives = Lines(open, at);
        return new ServerBlock(at, keys.DrainToImmutable(), directives);
    }

    /// <summary>Reads lines up to the closing brace, or to the end where there is none to come.</summary>
    private ImmutableArray<Directive> Lines(bool braced, Position opened)
    {
        var lines = ImmutableArray.CreateBuilder<Directive>();
        while (Current is { } token)
        {
            if (token.Is("}"))
            {
                if (!braced)
                {
                    throw new CorefileException(token.At, "unexpected '}' because no matching opening brace");
                }

                _next++;
                return lines.DrainToImmutable();
            }

            if (token.Is("{"))
            {
                throw new CorefileException(token.At, "unexpected '{': it must end a line that begins with a directive");
            }

            if (token.Is("import"))
            {
                Import(withinBlock: true);
                continue;
            }

            lines.Add(Line());
        }

        return braced ? throw new CorefileException(opened, "the block that opens here is never closed: '}' expected before the end of the file") : lines.DrainToImmutable();
    }

    private Directive Line()
    {
        var head = Current!.Value;
        _next++;
        var arguments = ImmutableArray.CreateBuilder<string>();
        ImmutableArray<Directive> body = [];
        while (Current is { } token && token.At == head.At && !token.Is("}"))
        {
            _next++;
            if (token.Is("{"))
            {
                body = Lines(braced: true, token.At);
                break;
            }

            arguments.Add(token.Text);
        }

        return new Directive(head.Text, head.At, arguments.DrainToImmutable(), body);
    }

    private static bool IsSnippetName(Token token) => !token.Quoted && token.Text.Length > 2 && token.Text[0] == '(' && token.Text[^1] == ')';

    private void DefineSnippet(Token name)
    {
        _next++;
        if (Current is not { } open || !open.Is("{"))
        {
            throw new CorefileException(name.At, $"snippet {name.Text}: '{{' expected");
        }

        var first = ++_next;
        var depth = 1;
        for (; Current is { } token; _next++)
        {
            depth += token.Is("{") ? 1 : token.Is("}") ? -1 : 0;
            if (depth == 0)
            {
                break;
            }
        }

        if (depth > 0)
        {
            throw new CorefileException(open.At, "the block that opens here is never closed: '}' expected before the end of the file");
        }

        if (!_snippets.TryAdd(name.Text[1..^1], _tokens[first.._next]))
        {
            throw new CorefileException(name.At, $"redeclaration of previously declared snippet {name.Text[1..^1]}");
        }

        _next++;
    }

    /// <summary>Puts a snippet's or a file's words in the place of the <c>import</c> that names it.</summary>
    private void Import(bool withinBlock)
    {
        var import = Current!.Value;
        var end = _next + 1;
        while (end < _tokens.Count && _tokens[end].At == import.At && !_tokens[end].Is("{") && !_tokens[end].Is("}"))
        {
            end++;
        }

        if (end == _next + 1)
        {
            throw new CorefileException(import.At, "import: a snippet or a file to import is expected");
        }

        if (++_imports > MaxImports)
        {
            throw new CorefileException(import.At, "import: too many imports; does a file import itself?");
        }

        var what = _tokens[_next + 1].Text;
        var arguments = _tokens[(_next + 2)..end].ConvertAll(token => token.Text);
        var words = _snippets.TryGetValue(what, out var snippet) ? snippet : Files(import, what, withinBlock);
        if (arguments.Count > 0)
        {
            words = words.ConvertAll(word => word with { Text = PutArguments(word.Text, arguments) });
        }

        _tokens = [.. _tokens[.._next], .. words, .. _tokens[end..]];
    }

    private List<Token> Files(Token import, string pattern, bool withinBlock)
    {
        var path = Path.IsPathRooted(pattern) ? pattern : Path.Combine(Path.GetDirectoryName(import.At.File) ?? "", pattern);
        var files = _host.Expand(path);
        if (files.Count == 0 && pattern.IndexOfAny(['*', '?']) < 0)
        {
            throw new CorefileException(import.At, $"import: no snippet and no file is named '{pattern}'{(withinBlock ? "" : $" ({path})")}");
        }

        var words = new List<Token>();
        foreach (var file in files)
        {
            try
            {
                words.AddRange(Tokenize(file, _host.Read(file)));
            }
            catch (IOException e)
            {
                throw new CorefileException(import.At, $"import: {e.Message}", e);
            }
        }

        return words;
    }

    private List<Token> Tokenize(string file, string text)
    {
        _hash.AppendData(Encoding.UTF8.GetBytes(text));
        return CorefileLexer.Tokenize(file, text, _host.Variable);
    }

    private static string PutArguments(string word, List<string> arguments)
    {
        for (var i = 0; i < arguments.Count && word.Contains("{args", StringComparison.Ordinal); i++)
        {
            word = word.Replace($"{{args[{i}]}}", arguments[i], StringComparison.Ordinal).Replace($"{{args.{i}}}", arguments[i], StringComparison.Ordinal);
        }

        return word;
    }
}
