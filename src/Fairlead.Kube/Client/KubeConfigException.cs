namespace Fairlead.Kube.Client;

/// <summary>A kubeconfig that cannot be used: the file, the field and what is wrong with it.</summary>
public sealed class KubeConfigException(string file, string field, string problem, Exception? inner = null)
    : Exception(field.Length == 0 ? $"{file}: {problem}" : $"{file}: {field}: {problem}", inner)
{
    public string File { get; } = file;

    public string Field { get; } = field;
}
