using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Fairlead.ApiServer.Security;

/// <summary>The cluster's keys: a certificate authority, the server's certificate, client certificates as kubeconfigs, and the key that signs ServiceAccount tokens.</summary>
/// <remarks>
/// ECDSA P-256 throughout, because a key is made in under a millisecond. With a folder the keys survive a restart, so that
/// kubeconfigs and tokens handed out earlier stay good; without one they live and die with the process. Private keys are mode 0600.
/// </remarks>
public sealed class Pki : IDisposable
{
    private const string AuthorityName = "ca", SigningName = "sa", ServerName = "apiserver";
    private readonly string? _folder;
    private readonly TimeProvider _time;
    private readonly X509Certificate2 _authority;

    private Pki(string? folder, TimeProvider time, X509Certificate2 authority, ECDsa tokenKey)
    {
        (_folder, _time, _authority, TokenKey) = (folder, time, authority, tokenKey);
        AuthorityPem = authority.ExportCertificatePem() + "\n";
    }

    /// <summary>The authority's certificate as PEM: what clients trust, and what pods find as <c>ca.crt</c>.</summary>
    public string AuthorityPem { get; }

    internal X509Certificate2 Authority => _authority;

    /// <summary>The key that signs and verifies ServiceAccount tokens.</summary>
    internal ECDsa TokenKey { get; }

    /// <summary>Opens the keys in a folder, making those that are missing or expired; <c>null</c> keeps them in memory only.</summary>
    public static Pki Open(string? folder, TimeProvider time)
    {
        if (folder is not null)
        {
            Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return new Pki(folder, time, LoadAuthority(folder, time) ?? MakeAuthority(folder, time), LoadTokenKey(folder) ?? MakeTokenKey(folder));
    }

    /// <summary>The server's certificate for these names and addresses: the one on disk if it covers them all, else a new one.</summary>
    public X509Certificate2 ServerCertificate(IReadOnlyCollection<string> names, IReadOnlyCollection<IPAddress> addresses)
    {
        var wanted = names.Concat(addresses.Select(a => a.ToString())).ToHashSet(StringComparer.Ordinal);
        if (Load(ServerName) is { } existing)
        {
            if (IsCurrent(existing, _time) && wanted.IsSubsetOf(AlternativeNames(existing)))
            {
                return existing;
            }

            existing.Dispose();
        }

        var alternatives = new SubjectAlternativeNameBuilder();
        foreach (var name in names)
        {
            alternatives.AddDnsName(name);
        }

        foreach (var address in addresses)
        {
            alternatives.AddIpAddress(address);
        }

        var certificate = Issue("CN=kube-apiserver", ServerAuthentication, alternatives);
        Save(ServerName, certificate);
        return certificate;
    }

    /// <summary>A client certificate for a user, as RBAC sees it: the common name is the user, each organisation a group.</summary>
    public X509Certificate2 ClientCertificate(string user, params ReadOnlySpan<string> groups)
    {
        var name = new X500DistinguishedNameBuilder();
        foreach (var group in groups)
        {
            name.AddOrganizationName(group);
        }

        name.AddCommonName(user);
        return Issue(name.Build(), ClientAuthentication, alternatives: null);
    }

    /// <summary>A kubeconfig, complete with authority and client key, that <c>kubectl</c> can use as it is.</summary>
    public string Kubeconfig(string cluster, Uri server, string user, params ReadOnlySpan<string> groups)
    {
        using var certificate = ClientCertificate(user, groups);
        using var key = certificate.GetECDsaPrivateKey()!;
        return $"""
            apiVersion: v1
            kind: Config
            clusters:
            - name: {cluster}
              cluster:
                server: {server.GetLeftPart(UriPartial.Authority)}
                certificate-authority-data: {Base64(AuthorityPem)}
            users:
            - name: {cluster}-{user.Replace(':', '-')}
              user:
                client-certificate-data: {Base64(certificate.ExportCertificatePem() + "\n")}
                client-key-data: {Base64(key.ExportPkcs8PrivateKeyPem() + "\n")}
            contexts:
            - name: {cluster}
              context:
                cluster: {cluster}
                user: {cluster}-{user.Replace(':', '-')}
            current-context: {cluster}

            """;

        static string Base64(string text) => Convert.ToBase64String(Encoding.ASCII.GetBytes(text));
    }

    /// <summary>Writes a kubeconfig (mode 0600, replacing what was there in one step).</summary>
    public void WriteKubeconfig(string path, string cluster, Uri server, string user, params ReadOnlySpan<string> groups)
        => WritePrivate(path, Kubeconfig(cluster, server, user, groups));

    public void Dispose()
    {
        _authority.Dispose();
        TokenKey.Dispose();
    }

    private static readonly Oid ServerAuthentication = new("1.3.6.1.5.5.7.3.1");
    private static readonly Oid ClientAuthentication = new("1.3.6.1.5.5.7.3.2");

    private X509Certificate2 Issue(string subject, Oid usage, SubjectAlternativeNameBuilder? alternatives)
        => Issue(new X500DistinguishedName(subject), usage, alternatives);

    private X509Certificate2 Issue(X500DistinguishedName subject, Oid usage, SubjectAlternativeNameBuilder? alternatives)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([usage], false));
        if (alternatives is not null)
        {
            request.CertificateExtensions.Add(alternatives.Build());
        }

        var now = _time.GetUtcNow();
        Span<byte> serial = stackalloc byte[16];
        RandomNumberGenerator.Fill(serial);
        serial[0] &= 0x7f;
        using var certificate = request.Create(_authority, now.AddHours(-1), Min(now.AddYears(1), new DateTimeOffset(_authority.NotAfter)), serial);
        return certificate.CopyWithPrivateKey(key);
    }

    private static DateTimeOffset Min(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    private static X509Certificate2 MakeAuthority(string? folder, TimeProvider time)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=fairlead-ca", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign | X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        var now = time.GetUtcNow();
        var certificate = request.CreateSelfSigned(now.AddHours(-1), now.AddYears(10));
        Save(folder, AuthorityName, certificate);
        return certificate;
    }

    private static X509Certificate2? LoadAuthority(string? folder, TimeProvider time)
        => Load(folder, AuthorityName) is { } found && IsCurrent(found, time) ? found : null;

    private static ECDsa MakeTokenKey(string? folder)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        if (folder is not null)
        {
            WritePrivate(Path.Combine(folder, SigningName + ".key"), key.ExportPkcs8PrivateKeyPem() + "\n");
        }

        return key;
    }

    private static ECDsa? LoadTokenKey(string? folder)
    {
        if (folder is null || !File.Exists(Path.Combine(folder, SigningName + ".key")))
        {
            return null;
        }

        var key = ECDsa.Create();
        key.ImportFromPem(File.ReadAllText(Path.Combine(folder, SigningName + ".key")));
        return key;
    }

    private X509Certificate2? Load(string name) => Load(_folder, name);

    private void Save(string name, X509Certificate2 certificate) => Save(_folder, name, certificate);

    private static X509Certificate2? Load(string? folder, string name)
    {
        if (folder is null || !File.Exists(Path.Combine(folder, name + ".key")) || !File.Exists(Path.Combine(folder, name + ".crt")))
        {
            return null;
        }

        return X509Certificate2.CreateFromPemFile(Path.Combine(folder, name + ".crt"), Path.Combine(folder, name + ".key"));
    }

    private static void Save(string? folder, string name, X509Certificate2 certificate)
    {
        if (folder is null)
        {
            return;
        }

        using var key = certificate.GetECDsaPrivateKey()!;
        WritePrivate(Path.Combine(folder, name + ".key"), key.ExportPkcs8PrivateKeyPem() + "\n");
        WritePrivate(Path.Combine(folder, name + ".crt"), certificate.ExportCertificatePem() + "\n");
    }

    private static bool IsCurrent(X509Certificate2 certificate, TimeProvider time)
        => new DateTimeOffset(certificate.NotBefore) <= time.GetUtcNow() && new DateTimeOffset(certificate.NotAfter) > time.GetUtcNow().AddDays(7);

    private static HashSet<string> AlternativeNames(X509Certificate2 certificate)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var extension in certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>())
        {
            names.UnionWith(extension.EnumerateDnsNames());
            names.UnionWith(extension.EnumerateIPAddresses().Select(a => a.ToString()));
        }

        return names;
    }

    /// <summary>Never a moment in which the file is half written or readable by others: written beside, then renamed over.</summary>
    private static void WritePrivate(string path, string text)
    {
        var beside = $"{path}.{Guid.NewGuid():N}";
        var options = new FileStreamOptions
        {
            Mode = FileMode.CreateNew,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (var file = new StreamWriter(beside, options))
        {
            file.Write(text);
        }

        File.Move(beside, path, overwrite: true);
    }
}
