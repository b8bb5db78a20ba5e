using System.Collections.Immutable;

namespace Fairlead.Cni.Protocol;

/// <summary>The pairs of <c>CNI_ARGS</c>.</summary>
/// <remarks>Keys that nobody here knows are ignored with and without <c>IgnoreUnknown</c>: runtimes add their own.</remarks>
internal sealed class CniArguments(ImmutableArray<KeyValuePair<string, string>> pairs)
{
    public static readonly CniArguments None = new([]);

    public ImmutableArray<KeyValuePair<string, string>> Pairs => pairs;

    /// <summary>Namespace/name of the pod, where the runtime says it.</summary>
    public string? Pod
        => this["K8S_POD_NAME"] is { Length: > 0 } name
            ? this["K8S_POD_NAMESPACE"] is { Length: > 0 } space ? $"{space}/{name}" : name
            : null;

    public string? this[string key]
        => pairs.LastOrDefault(pair => string.Equals(pair.Key, key, StringComparison.Ordinal)).Value;

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
