using System.Buffers;

namespace Fairlead.ApiServer.Schema;

/// <summary>The forms that names and keys must have. Each check returns what is wrong, in Kubernetes' words.</summary>
internal static class NameRules
{
    private const string LabelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    private const string SubdomainPattern = LabelPattern + @"(\." + LabelPattern + ")*";
    private const string Label1035Pattern = "[a-z]([-a-z0-9]*[a-z0-9])?";
    private const string QualifiedPattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
    private const string ConfigKeyPattern = "[-._a-zA-Z0-9]+";
    private const string WildcardPattern = @"\*\." + SubdomainPattern;

    /// <summary>RFC 1123 label: most names inside objects, namespaces.</summary>
    public static IEnumerable<string> Label(string value)
    {
        if (value.Length > 63)
        {
            yield return TooLong(63);
        }

        if (!IsLabel(value))
        {
            yield return value.Contains('.', StringComparison.Ordinal) && IsSubdomain(value)
                ? "must not contain dots"
                : $"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{LabelPattern}')";
        }
    }

    /// <summary>RFC 1123 subdomain: names of most objects.</summary>
    public static IEnumerable<string> Subdomain(string value)
    {
        if (value.Length > 253)
        {
            yield return TooLong(253);
        }

        if (!IsSubdomain(value))
        {
            yield return $"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{SubdomainPattern}')";
        }
    }

    /// <summary>RFC 1035 label: names of Services.</summary>
    public static IEnumerable<string> ServiceName(string value)
    {
        if (value.Length > 63)
        {
            yield return TooLong(63);
        }

        if (!IsLabel(value, letterFirst: true))
        {
            yield return $"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '{Label1035Pattern}')";
        }
    }

    /// <summary>Names of RBAC objects: anything that may stand in a URL path.</summary>
    public static IEnumerable<string> PathSegment(string value)
    {
        if (value is "." or "..")
        {
            yield return $"may not be '{value}'";
        }

        foreach (var c in "/%")
        {
            if (value.Contains(c, StringComparison.Ordinal))
            {
                yield return $"may not contain '{c}'";
            }
        }
    }

    /// <summary>A host of an Ingress that starts with <c>*.</c>.</summary>
    public static IEnumerable<string> WildcardSubdomain(string value)
    {
        if (!value.StartsWith("*.", StringComparison.Ordinal) || !IsSubdomain(value.AsSpan(2)))
        {
            yield return $"a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '{WildcardPattern}')";
        }
    }

    /// <summary>A key of a label or annotation.</summary>
    public static IEnumerable<string> LabelKey(string value)
    {
        var name = value;
        if (value.IndexOf('/', StringComparison.Ordinal) is >= 0 and var slash)
        {
            var prefix = value[..slash];
            name = value[(slash + 1)..];
            if (prefix.Length == 0)
            {
                yield return "prefix part must be non-empty";
            }
            else
            {
                foreach (var wrong in Subdomain(prefix))
                {
                    yield return $"prefix part {wrong}";
                }
            }

            if (name.Contains('/', StringComparison.Ordinal))
            {
                yield return $"a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{QualifiedPattern}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
                yield break;
            }
        }

        if (name.Length == 0)
        {
            yield return "name part must be non-empty";
        }
        else if (name.Length > 63)
        {
            yield return $"name part {TooLong(63)}";
        }

        if (!IsQualified(name))
        {
            yield return $"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{QualifiedPattern}')";
        }
    }

    public static IEnumerable<string> LabelValue(string value)
    {
        if (value.Length > 63)
        {
            yield return TooLong(63);
        }

        if (value.Length > 0 && !IsQualified(value))
        {
            yield return $"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({QualifiedPattern})?')";
        }
    }

    /// <summary>The name of a container port.</summary>
    public static IEnumerable<string> PortName(string value)
    {
        if (value.Length > 15)
        {
            yield return TooLong(15);
        }

        if (value.Length == 0 || value.AsSpan().ContainsAnyExcept(s_lowerDigitDash))
        {
            yield return "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)";
        }

        if (!value.Any(char.IsAsciiLetterLower))
        {
            yield return "must contain at least one letter (a-z)";
        }

        if (value.Contains("--", StringComparison.Ordinal))
        {
            yield return "must not contain consecutive hyphens";
        }

        if (value.StartsWith('-') || value.EndsWith('-'))
        {
            yield return "must not begin or end with a hyphen";
        }
    }

    /// <summary>A key of a ConfigMap or Secret.</summary>
    public static IEnumerable<string> ConfigKey(string value)
    {
        if (value.Length > 253)
        {
            yield return TooLong(253);
        }

        if (value.Length == 0 || value.AsSpan().ContainsAnyExcept(s_name))
        {
            yield return $"a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '{ConfigKeyPattern}')";
        }

        if (value is "." or "..")
        {
            yield return $"must not be '{value}'";
        }
        else if (value.StartsWith("..", StringComparison.Ordinal))
        {
            yield return "must not start with '..'";
        }
    }

    public static string TooLong(int limit) => $"must be no more than {limit} characters";

    // By hand and in one pass: a regular expression that backtracks would be a lever for strangers.

    private static bool IsLabel(ReadOnlySpan<char> value, bool letterFirst = false)
        => value.Length > 0
           && (letterFirst ? char.IsAsciiLetterLower(value[0]) : IsLowerOrDigit(value[0]))
           && IsLowerOrDigit(value[^1])
           && !value.ContainsAnyExcept(s_lowerDigitDash);

    private static bool IsSubdomain(ReadOnlySpan<char> value)
    {
        foreach (var part in value.Split('.'))
        {
            if (!IsLabel(value[part]))
            {
                return false;
            }
        }

        return value.Length > 0;
    }

    private static bool IsQualified(ReadOnlySpan<char> value)
        => value.Length > 0 && char.IsAsciiLetterOrDigit(value[0]) && char.IsAsciiLetterOrDigit(value[^1]) && !value.ContainsAnyExcept(s_name);

    private static bool IsLowerOrDigit(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);

    private static readonly SearchValues<char> s_lowerDigitDash = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    private static readonly SearchValues<char> s_name
        = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
}
