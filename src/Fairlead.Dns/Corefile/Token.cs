namespace Fairlead.Dns.Corefile;

/// <summary>One word of a Corefile. A quoted brace or <c>import</c> is text, so the lexer tells.</summary>
internal readonly record struct Token(string Text, Position At, bool Quoted)
{
    public bool Is(string text) => !Quoted && string.Equals(Text, text, StringComparison.Ordinal);
}
