using System.Collections.Frozen;
using Microsoft.Extensions.Primitives;

namespace Fairlead.Ingress.Forwarding;

/// <summary>Which headers go no further than one connection.</summary>
internal static class HopByHop
{
    // RFC 9110 §7.6.1 and what came before it.
    private static readonly FrozenSet<string> s_always = FrozenSet.ToFrozenSet(
        ["Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer", "Transfer-Encoding", "Upgrade", "HTTP2-Settings"],
        StringComparer.OrdinalIgnoreCase);

    public static bool Contains(string name) => s_always.Contains(name);

    /// <summary>
    /// The headers that <c>Connection</c> names, besides those that are hop-by-hop anyway. Null when there are none, as nearly always.
    /// </summary>
    public static List<string>? ListedBy(StringValues connection)
    {
        List<string>? listed = null;
        foreach (var value in connection)
        {
            if (value is null or "close" or "keep-alive" or "Keep-Alive" or "Upgrade" or "upgrade")
            {
                continue;
            }

            foreach (var word in value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            {
                if (!s_always.Contains(word) && !word.Equals("close", StringComparison.OrdinalIgnoreCase))
                {
                    (listed ??= []).Add(word);
                }
            }
        }

        return listed;
    }
}
