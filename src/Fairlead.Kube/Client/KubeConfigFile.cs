using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Fairlead.Kube.Client;

/// <summary>Reads a kubeconfig. Every fault names the file and the field.</summary>
internal sealed class KubeConfigFile
{
    private readonly string _path;
    private readonly YamlMappingNode _root;

    private KubeConfigFile(string path, YamlMappingNode root) => (_path, _root) = (path, root);

    internal static KubeConfig Load(string path, string? context)
    {
        try
        {
            var stream = new YamlStream();
            using var reader = new StreamReader(path);
            stream.Load(reader);
            return stream.Documents is [{ RootNode: YamlMappingNode root }, ..]
                ? new KubeConfigFile(path, root).Read(context)
                : throw new KubeConfigException(path, "", "not a kubeconfig: empty or not a map");
        }
        catch (YamlException e)
        {
            throw new KubeConfigException(path, $"line {e.Start.Line}", e.Message, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigException(path, "", e.Message, e);
        }
    }

    private KubeConfig Read(string? contextName)
    {
        contextName ??= Text(_root, "current-context") is { Length: > 0 } current ? current
            : throw Fault("current-context", "not set");
        var context = Named("contexts", contextName, "context", "current-context");
        var contextField = $"contexts[{contextName}].context";
        var clusterName = Text(context, "cluster") ?? throw Fault($"{contextField}.cluster", "not set");
        var cluster = Named("clusters", clusterName, "cluster", $"{contextField}.cluster");
        var clusterField = $"clusters[{clusterName}].cluster";
        var server = Text(cluster, "server") ?? throw Fault($"{clusterField}.server", "not set");
        if (!Uri.TryCreate(server, UriKind.Absolute, out var address) || address.Scheme is not ("https" or "http"))
        {
            throw Fault($"{clusterField}.server", $"'{server}' is no http or https address");
        }

        if (Text(cluster, "insecure-skip-tls-verify") is "true")
        {
            throw Fault(
                $"{clusterField}.insecure-skip-tls-verify", "not supported: give certificate-authority or certificate-authority-data");
        }

        var userName = Text(context, "user");
        var (user, userField) = userName is { Length: > 0 }
            ? (Named("users", userName, "user", $"{contextField}.user"), $"users[{userName}].user")
            : (new YamlMappingNode(), "");
        return new KubeConfig
        {
            Server = address,
            ServerName = Text(cluster, "tls-server-name"),
            Namespace = Text(context, "namespace") is { Length: > 0 } ns ? ns : "default",
            Authorities = Authorities(cluster, clusterField),
            ClientCertificate = Certificate(user, userField),
            Token = Token(user, userField),
        };
    }

    private X509Certificate2Collection Authorities(YamlMappingNode cluster, string field)
    {
        var certificates = new X509Certificate2Collection();
        if (Pem(cluster, field, "certificate-authority") is { } pem)
        {
            Guard($"{field}.{pem.Field}", () => certificates.ImportFromPem(pem.Text));
            if (certificates.Count == 0)
            {
                throw Fault($"{field}.{pem.Field}", "holds no certificate");
            }
        }

        return certificates;
    }

    private X509Certificate2? Certificate(YamlMappingNode user, string field)
    {
        var certificate = Pem(user, field, "client-certificate");
        var key = Pem(user, field, "client-key");
        return (certificate, key) switch
        {
            ({ } c, { } k) => Guard($"{field}.{k.Field}", () => X509Certificate2.CreateFromPem(c.Text, k.Text)),
            ({ }, null) => throw Fault($"{field}.client-key-data", "not set, but there is a client certificate"),
            (null, { }) => throw Fault($"{field}.client-certificate-data", "not set, but there is a client key"),
            _ => null,
        };
    }

    private Func<string?>? Token(YamlMappingNode user, string field)
    {
        foreach (var unsupported in (string[])["exec", "auth-provider", "username"])
        {
            if (user.Children.ContainsKey(unsupported))
            {
                throw Fault($"{field}.{unsupported}", "not supported: use a token or a client certificate");
            }
        }

        if (Text(user, "token") is { Length: > 0 } token)
        {
            return () => token;
        }

        return Text(user, "tokenFile") is { Length: > 0 } file ? new TokenFile(Resolve(file)).Read : null;
    }

    /// <summary>The PEM text of a field that may be given in place (<c>…-data</c>, base64) or as a file.</summary>
    private (string Field, string Text)? Pem(YamlMappingNode node, string field, string name)
    {
        if (Text(node, $"{name}-data") is { Length: > 0 } data)
        {
            return ($"{name}-data", Guard($"{field}.{name}-data", () => Encoding.UTF8.GetString(Convert.FromBase64String(data))));
        }

        return Text(node, name) is { Length: > 0 } file ? (name, Guard($"{field}.{name}", () => File.ReadAllText(Resolve(file)))) : null;
    }

    private string Resolve(string file) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(_path))!, file);

    private YamlMappingNode Named(string list, string name, string part, string wantedBy)
    {
        if (_root.Children.TryGetValue(list, out var node) && node is YamlSequenceNode entries)
        {
            foreach (var entry in entries.OfType<YamlMappingNode>())
            {
                if (Text(entry, "name") == name)
                {
                    return entry.Children.TryGetValue(part, out var value) && value is YamlMappingNode map
                        ? map
                        : throw Fault($"{list}[{name}].{part}", "not set");
                }
            }
        }

        throw Fault(wantedBy, $"names '{name}', which {list} does not have");
    }

    private static string? Text(YamlMappingNode node, string key)
        => node.Children.TryGetValue(key, out var value) && value is YamlScalarNode { Value: { } text } ? text : null;

    private T Guard<T>(string field, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e)
            when (e is FormatException or CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigException(_path, field, e.Message, e);
        }
    }

    private void Guard(string field, Action read) => Guard(field, () =>
    {
        read();
        return true;
    });

    private KubeConfigException Fault(string field, string problem) => new(_path, field, problem);
}
