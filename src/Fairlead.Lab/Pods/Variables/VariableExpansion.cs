using System.Text;

namespace Fairlead.Lab.Pods.Variables;

/// <summary>Kubernetes' <c>$(NAME)</c> expansion of env values, command and args.</summary>
/// <remarks>
/// A name that is not known stays as it is written, and <c>$$(NAME)</c> gives a literal <c>$(NAME)</c>
/// (k8s.io/kubernetes/third_party/forked/golang/expansion).
/// </remarks>
internal static class VariableExpansion
{
    public static string Expand(string text, Func<string, string?> variable)
    {
        if (!text.Contains('$', StringComparison.Ordinal))
        {
            return text;
        }

        var result = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != '$' || i + 1 == text.Length)
            {
                result.Append(text[i]);
                continue;
            }

            i++;
            if (text[i] == '$')
            {
                result.Append('$');
            }
            else if (text[i] == '(' && text.IndexOf(')', i) is > 0 and var end)
            {
                var name = text[(i + 1)..end];
                result.Append(variable(name) ?? $"$({name})");
                i = end;
            }
            else
            {
                result.Append('$').Append(text[i]);
            }
        }

        return result.ToString();
    }
}
