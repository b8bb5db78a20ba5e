using System.Buffers;

namespace Fairlead.Cni.Protocol;

/// <summary>What the specification allows as a name, so that no name becomes a path or a rule unchecked.</summary>
internal static class CniNames
{
    private const string LettersAndDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    private const int MaximumInterfaceName = 15; // linux/if.h: IFNAMSIZ with its terminator is 16
    private static readonly SearchValues<char> s_nameCharacters = SearchValues.Create(LettersAndDigits + "_.-");

    /// <summary>Whether a text is a container id or a network name: a letter or digit, then those, '_', '.' and '-'.</summary>
    public static bool IsName(string text)
        => text.Length is > 0 and <= 255 && char.IsAsciiLetterOrDigit(text[0]) && !text.AsSpan().ContainsAnyExcept(s_nameCharacters);

    /// <summary>Why a text is no interface name, or null if it is one.</summary>
    public static string? InterfaceNameFault(string text) => text switch
    {
        "" => "is empty",
        "." or ".." => "is a folder's name",
        { Length: > MaximumInterfaceName } => $"is longer than {MaximumInterfaceName} characters",
        _ when text.AsSpan().ContainsAny('/', ':') => "holds '/' or ':'",
        _ when text.Any(c => char.IsWhiteSpace(c) || char.IsControl(c) || c > '~') => "holds a character that no interface name may",
        _ => null,
    };
}
