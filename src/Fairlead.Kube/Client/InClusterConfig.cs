using System.Security.Cryptography.X509Certificates;

namespace Fairlead.Kube.Client;

/// <summary>The configuration that every pod finds in its environment and file system.</summary>
internal static class InClusterConfig
{
    internal const string Folder = "/var/run/secrets/kubernetes.io/serviceaccount";

    internal static KubeConfig Read(Func<string, string?> variable, string folder)
    {
        var host = Required(variable, "KUBERNETES_SERVICE_HOST");
        var port = Required(variable, "KUBERNETES_SERVICE_PORT");
        if (host.Contains(':', StringComparison.Ordinal))
        {
            host = $"[{host}]";
        }

        if (!Uri.TryCreate($"https://{host}:{port}", UriKind.Absolute, out var server))
        {
            throw new KubeConfigException("environment", "KUBERNETES_SERVICE_HOST", $"no address: {host}:{port}");
        }

        var authorities = new X509Certificate2Collection();
        var authority = Path.Combine(folder, "ca.crt");
        try
        {
            authorities.ImportFromPemFile(authority);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException)
        {
            throw new KubeConfigException(authority, "", e.Message, e);
        }

        var namespaceFile = Path.Combine(folder, "namespace");
        var token = new TokenFile(Path.Combine(folder, "token"));
        token.Read();
        return new KubeConfig
        {
            Server = server,
            Namespace = File.Exists(namespaceFile) ? File.ReadAllText(namespaceFile).Trim() : "default",
            Authorities = authorities,
            Token = token.Read,
        };
    }

    private static string Required(Func<string, string?> variable, string name)
        => variable(name) is { Length: > 0 } value ? value
            : throw new KubeConfigException("environment", name, "not set: this process is not in a pod; name a kubeconfig");
}
