using System.Globalization;
using System.Text;

namespace Fairlead.Cni.Plugins;

/// <summary>A hash that is the same in every process and version: for names, not for secrets (FNV-1a, 64 bits, folded to 32).</summary>
/// <remarks>Not SHA-256: its library takes longer to load than the plugin to run, and is not on every machine.</remarks>
internal static class StableHash
{
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var hash = 14695981039346656037UL;
        foreach (var b in bytes)
        {
            hash = unchecked((hash ^ b) * 1099511628211UL);
        }

        return (uint)(hash ^ (hash >> 32));
    }

    /// <summary>Eight hexadecimal digits.</summary>
    public static string Text(string text) => Of(Encoding.UTF8.GetBytes(text)).ToString("x8", CultureInfo.InvariantCulture);
}
