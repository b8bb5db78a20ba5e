using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.ApiServer;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.Tests.Kube;

public sealed class KubeConfigTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-config-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_kubeconfig_gives_server_namespace_and_token()
    {
        var config = KubeConfig.Load(Write("config", Config("token: abc")));

        Assert.Equal(new Uri("https://127.0.0.1:6443"), config.Server);
        Assert.Equal("shop", config.Namespace);
        Assert.Equal("abc", config.Token!());
    }

    [Fact]
    public void Certificates_may_be_in_the_file_or_beside_it()
    {
        var (certificate, key) = Pair("client");
        Write("client.crt", certificate);
        Write("client.key", key);

        var inside = KubeConfig.Load(Write("a", Config($"client-certificate-data: {Base64(certificate)}", $"client-key-data: {Base64(key)}")));
        var beside = KubeConfig.Load(Write("b", Config("client-certificate: client.crt", "client-key: client.key")));

        Assert.True(inside.ClientCertificate!.HasPrivateKey);
        Assert.Equal(inside.ClientCertificate.Thumbprint, beside.ClientCertificate!.Thumbprint);
    }

    [Theory]
    [InlineData("current-context: other", "current-context: names 'other'")]
    [InlineData("token: abc\n    exec: {command: aws}", "users[me].user.exec: not supported")]
    [InlineData("client-certificate: none.crt\n    client-key: none.key", "users[me].user.client-certificate:")]
    [InlineData("client-certificate-data: '%%%'", "users[me].user.client-certificate-data:")]
    public void A_fault_names_file_and_field(string line, string problem)
    {
        var path = Write("config", line.StartsWith("current", StringComparison.Ordinal)
            ? Config("token: abc").Replace("current-context: here", line, StringComparison.Ordinal)
            : Config(line));

        Assert.Contains($"{path}: {problem}", Assert.Throws<KubeConfigException>(() => KubeConfig.Load(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "not a kubeconfig")]
    [InlineData("a: [", "line")]
    [InlineData("kind: Config", "current-context: not set")]
    public void What_is_no_kubeconfig_is_refused(string text, string problem)
        => Assert.Contains(problem, Assert.Throws<KubeConfigException>(() => KubeConfig.Load(Write("config", text))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_missing_file_is_named()
        => Assert.Contains("/nowhere/config", Assert.Throws<KubeConfigException>(() => KubeConfig.Load("/nowhere/config")).Message, StringComparison.Ordinal);

    [Fact]
    public void In_a_pod_environment_and_folder_say_everything_and_a_renewed_token_is_seen()
    {
        Write("ca.crt", Pair("ca").Certificate);
        Write("namespace", "shop\n");
        var token = Write("token", "first");
        var variables = new Dictionary<string, string> { ["KUBERNETES_SERVICE_HOST"] = "fd00::1", ["KUBERNETES_SERVICE_PORT"] = "443" };

        var config = InClusterConfig.Read(variables.GetValueOrDefault, _folder);
        var first = config.Token!();
        File.WriteAllText(token, "second");
        File.SetLastWriteTimeUtc(token, new DateTime(2030, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        Assert.Equal(("first", "second"), (first, config.Token!()));
        Assert.Equal(("https://[fd00::1]/", "shop"), (config.Server.ToString(), config.Namespace));
        Assert.Contains("KUBERNETES_SERVICE_HOST: not set", Assert.Throws<KubeConfigException>(() => InClusterConfig.Read(_ => null, _folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_servers_certificate_must_be_of_the_named_authority()
    {
        await using var server = await ApiServerHost.StartAsync(new ApiServerOptions { Listen = [new(IPAddress.Loopback, 0)] }, Ct);
        var good = Write("good", server.Kubeconfig("lab", "admin", "system:masters"));
        using var client = new KubeClient(KubeConfig.Load(good));
        using var stranger = new KubeClient(KubeConfig.Load(good) with { Authorities = [X509Certificate2.CreateFromPem(Pair("stranger").Certificate)] });

        Assert.Contains((await client.ListAsync(KubeResources.Namespaces, ct: Ct)).Items, n => n.Metadata.Name == "default");
        var refusal = await Assert.ThrowsAsync<HttpRequestException>(() => stranger.ListAsync(KubeResources.Namespaces, ct: Ct));
        Assert.IsType<System.Security.Authentication.AuthenticationException>(refusal.InnerException);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_an_HttpRequestException()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        using var client = new KubeClient(new KubeConfig { Server = new Uri($"http://127.0.0.1:{port}") });
        using var socket = new KubeClient(KubeConfig.UnixSocket(Path.Combine(_folder, "none.sock")));

        await Assert.ThrowsAsync<HttpRequestException>(() => client.ListAsync(KubeResources.Pods, ct: Ct));
        await Assert.ThrowsAsync<HttpRequestException>(() => socket.ListAsync(KubeResources.Pods, ct: Ct));
    }

    private static string Config(params string[] user) => $"""
        apiVersion: v1
        kind: Config
        current-context: here
        contexts:
        - name: here
          context: {"{"}cluster: lab, user: me, namespace: shop{"}"}
        clusters:
        - name: lab
          cluster: {"{"}server: "https://127.0.0.1:6443"{"}"}
        users:
        - name: me
          user:
            {string.Join("\n    ", user)}
        """;

    private static (string Certificate, string Key) Pair(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(new DateTimeOffset(2020, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2120, 1, 1, 0, 0, 0, TimeSpan.Zero));
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private string Write(string name, string text)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
