using System.Collections.Immutable;
using Fairlead.Dns.Corefile;

namespace Fairlead.Dns.Plugins;

/// <summary>Makes today's directives of those that CoreDNS has dropped, so that a Corefile of 2019 still serves. Each change is a warning.</summary>
internal static class LegacyDirectives
{
    private static readonly ImmutableDictionary<string, string> s_proxyOptions = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["policy"] = "policy",
        ["max_fails"] = "max_fails",
        ["except"] = "except",
        ["health_check"] = "",
        ["fail_timeout"] = "",
        ["protocol"] = "",
        ["spray"] = "",
    }.ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>Lines inside <c>kubernetes</c> that mean nothing any more, and why.</summary>
    private static readonly ImmutableDictionary<string, string> s_kubernetes = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["upstream"] = "CNAME targets are resolved by the server itself; delete the line",
        ["resyncperiod"] = "changes are watched, nothing is resynchronised; delete the line",
        ["federation"] = "cluster federation v1 is gone; delete the line",
    }.ToImmutableDictionary(StringComparer.Ordinal);

    /// <summary>The block with its dropped directives translated; <paramref name="warn"/> hears of each.</summary>
    public static ServerBlock Translate(ServerBlock block, Action<Position, string> warn)
        => block with { Directives = [.. block.Directives.Select(directive => Translate(directive, warn)).OfType<Directive>()] };

    private static Directive? Translate(Directive directive, Action<Position, string> warn)
    {
        switch (directive.Name)
        {
            case "proxy":
                warn(directive.At, $"'proxy' was removed in CoreDNS 1.5.0; read as 'forward {string.Join(' ', directive.Arguments)}'");
                return directive with { Name = "forward", Body = [.. directive.Body.Select(line => TranslateProxyOption(line, warn)).OfType<Directive>()] };
            case "federation":
                warn(directive.At, "'federation' was removed in CoreDNS 1.7.0 with cluster federation v1; ignored, delete it");
                return null;
            case "kubernetes":
                return directive with { Body = [.. directive.Body.Where(line => Keep(line, warn))] };
            default:
                return directive;
        }
    }

    private static bool Keep(Directive line, Action<Position, string> warn)
    {
        if (!s_kubernetes.TryGetValue(line.Name, out var why))
        {
            return true;
        }

        warn(line.At, $"'{line.Name}' inside kubernetes was removed in CoreDNS 1.7.0; ignored: {why}");
        return false;
    }

    private static Directive? TranslateProxyOption(Directive line, Action<Position, string> warn)
    {
        if (!s_proxyOptions.TryGetValue(line.Name, out var successor))
        {
            throw line.UnknownProperty();
        }

        if (successor.Length > 0)
        {
            return line with { Name = successor };
        }

        warn(line.At, $"'{line.Name}' of 'proxy' has no equal in 'forward'; ignored");
        return null;
    }
}
