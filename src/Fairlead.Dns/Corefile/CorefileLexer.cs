using System.Text;

namespace Fairlead.Dns.Corefile;

/// <summary>Cuts a Corefile into words, as Caddy's lexer did: white space separates, <c>"…"</c> keeps together, <c>#</c> begins a comment.</summary>
internal static class CorefileLexer
{
    public static List<Token> Tokenize(string file, string text, Func<string, string?> variable)
    {
        var tokens = new List<Token>();
        var word = new StringBuilder();
        var line = 1;
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c == '"' && word.Length == 0)
            {
                var start = new Position(file, line);
                i = ReadQuoted(text, i, word, ref line, start);
                tokens.Add(new Token(ReplaceVariables(word.ToString(), variable), start, Quoted: true));
                word.Clear();
                continue;
            }

            if (c == '#')
            {
                Flush(line);
                while (i + 1 < text.Length && text[i + 1] != '\n')
                {
                    i++;
                }

                continue;
            }

            // A byte order mark is what some editors leave at the front.
            if (!char.IsWhiteSpace(c) && c != '\uFEFF')
            {
                word.Append(c);
                continue;
            }

            Flush(line);
            line += c == '\n' ? 1 : 0;
        }

        Flush(line);
        return tokens;

        void Flush(int at)
        {
            if (word.Length > 0)
            {
                tokens.Add(new Token(ReplaceVariables(word.ToString(), variable), new Position(file, at), Quoted: false));
                word.Clear();
            }
        }
    }

    private static int ReadQuoted(string text, int open, StringBuilder word, ref int line, Position start)
    {
        for (var i = open + 1; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '"':
                    return i;
                case '\\' when i + 1 < text.Length && text[i + 1] == '"':
                    word.Append(text[++i]);
                    break;
                case '\r':
                    break;
                default:
                    line += text[i] == '\n' ? 1 : 0;
                    word.Append(text[i]);
                    break;
            }
        }

        throw new CorefileException(start, "a quote that opens here is never closed");
    }

    /// <summary>Puts the environment in for <c>{$NAME}</c> and <c>{%NAME%}</c>; what is not set becomes nothing.</summary>
    private static string ReplaceVariables(string word, Func<string, string?> variable)
        => Replace(Replace(word, "{$", "}", variable), "{%", "%}", variable);

    private static string Replace(string word, string open, string close, Func<string, string?> variable)
    {
        for (var start = word.IndexOf(open, StringComparison.Ordinal); start >= 0; start = word.IndexOf(open, start, StringComparison.Ordinal))
        {
            var end = word.IndexOf(close, start + open.Length, StringComparison.Ordinal);
            if (end < 0)
            {
                break;
            }

            var value = variable(word[(start + open.Length)..end]) ?? "";
            word = string.Concat(word.AsSpan(0, start), value, word.AsSpan(end + close.Length));
            start += value.Length;
        }

        return word;
    }
}
