using System.Collections.Immutable;

namespace Fairlead.Cni.Protocol;

/// <summary>The pairs of <c>CNI_ARGS</c>.</summary>
/// <remarks>Plugins that read some refuse those that they do not know unless <c>IgnoreUnknown</c> says no, as the reference plugins do; the others look at none.</remarks>
internal sealed class CniArguments(ImmutableArray<KeyValuePair<string, string>> pairs)
{
    public static readonly CniArguments None = new([]);

    private const string IgnoreUnknown = "IgnoreUnknown";

    public ImmutableArray<KeyValuePair<string, string>> Pairs => pairs;

    /// <summary>Namespace/name of the pod, where the runtime says it.</summary>
    public string? Pod
        => this["K8S_POD_NAME"] is { Length: > 0 } name
            ? this["K8S_POD_NAMESPACE"] is { Length: > 0 } space ? $"{space}/{name}" : name
            : null;

    public string? this[string key]
        => pairs.LastOrDefault(pair => string.Equals(pair.Key, key, StringComparison.Ordinal)).Value;

    /// <summary>Refuses what the plugin does not know, unless the runtime says that there is something for others.</summary>
    /// <param name="known">The names that the plugin reads.</param>
    public void RefuseUnknown(params ReadOnlySpan<string> known)
    {
        var unknown = new List<string>();
        foreach (var (name, _) in pairs)
        {
            if (name != IgnoreUnknown && !known.Contains(name))
            {
                unknown.Add(name);
            }
        }

        var isIgnored = this[IgnoreUnknown] switch
        {
            null => false,
            var text when text == "1" || text.Equals("true", StringComparison.OrdinalIgnoreCase) => true,
            var text when text == "0" || text.Equals("false", StringComparison.OrdinalIgnoreCase) => false,
            var text => throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_ARGS: {IgnoreUnknown}: '{text}' is neither true nor false"),
        };
        if (unknown.Count > 0 && !isIgnored)
        {
            throw new CniException(
                CniErrorCode.InvalidEnvironment, $"CNI_ARGS: {string.Join(", ", unknown)} not known here; {IgnoreUnknown}=1 has such names passed over");
        }
    }

    public static CniArguments Parse(string text)
    {
        if (text.Length == 0)
        {
            return None;
        }

        var pairs = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        foreach (var pair in text.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new CniException(CniErrorCode.InvalidEnvironment, $"CNI_ARGS: '{pair}' is no key=value pair");
            }

            pairs.Add(new(pair[..equals], pair[(equals + 1)..]));
        }

        return new CniArguments(pairs.ToImmutable());
    }
}
