using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Security;

namespace Fairlead.Tests.ApiServer;

public sealed class SecurityTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Pods = "/api/v1/namespaces/default/pods";

    [Theory]
    [InlineData("/version", 200)]
    [InlineData("/healthz", 200)]
    [InlineData("/livez", 200)]
    [InlineData("/readyz", 200)]
    [InlineData("/api", 403)]
    [InlineData("/openapi/v3", 403)]
    [InlineData(Pods, 403)]
    public async Task Strangers_get_health_and_version_only(string path, int expected)
    {
        using var client = Client(null);

        using var response = await client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);

        Assert.Equal(expected, (int)response.StatusCode);
    }

    [Fact]
    public async Task A_refusal_names_user_verb_resource_and_place()
    {
        using var certificate = server.Host.Pki.ClientCertificate("jane", "devs");
        using var client = Client(certificate);

        var list = await StatusAsync(client, Pods);
        var nodes = await StatusAsync(client, "/api/v1/nodes/n1");

        Assert.Equal("pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\"", list.Text("message"));
        Assert.Equal("nodes \"n1\" is forbidden: User \"jane\" cannot get resource \"nodes\" in API group \"\" at the cluster scope", nodes.Text("message"));
        Assert.Equal(403, list.Number("code"));
    }

    [Fact]
    public async Task A_role_is_granted_by_group_and_in_its_namespace()
    {
        await server.CreateAsync("/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles", """{"metadata":{"name":"read"},"rules":[{"apiGroups":[""],"resources":["configmaps"],"verbs":["get","list"],"resourceNames":[]}]}""");
        await server.CreateAsync("/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", """{"metadata":{"name":"read"},"roleRef":{"kind":"Role","name":"read"},"subjects":[{"kind":"Group","name":"readers"}]}""");
        using var certificate = server.Host.Pki.ClientCertificate("bob", "readers");
        using var client = Client(certificate);

        Assert.Equal(200, await CodeAsync(client, "/api/v1/namespaces/default/configmaps"));
        Assert.Equal(403, await CodeAsync(client, "/api/v1/namespaces/kube-system/configmaps"));
        Assert.Equal(403, await CodeAsync(client, "/api/v1/configmaps"));
        Assert.Equal(403, await CodeAsync(client, "/api/v1/namespaces/default/secrets"));
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_nobody()
    {
        using var other = Pki.Open(null, TimeProvider.System);
        using var certificate = other.ClientCertificate("kubernetes-admin", "system:masters");
        using var client = Client(certificate);

        Assert.Equal(401, await CodeAsync(client, Pods));
    }

    [Fact]
    public async Task A_token_speaks_for_its_account_until_that_is_gone()
    {
        const string accounts = "/api/v1/namespaces/default/serviceaccounts";
        await server.CreateAsync(accounts, """{"metadata":{"name":"robot"}}""");
        var (_, request) = await server.SendAsync(HttpMethod.Post, $"{accounts}/robot/token", """{"spec":{}}""");
        using var client = Client(null);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", request.Text("status", "token"));

        var before = await StatusAsync(client, Pods);
        await server.SendAsync(HttpMethod.Delete, $"{accounts}/robot");
        await server.CreateAsync(accounts, """{"metadata":{"name":"robot"}}""");
        var after = await CodeAsync(client, Pods);

        Assert.StartsWith("pods is forbidden: User \"system:serviceaccount:default:robot\" cannot list", before.Text("message"), StringComparison.Ordinal);
        Assert.Equal(401, after);
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("a.b.c")]
    [InlineData("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4In0.")]
    public async Task A_token_that_is_none_is_unauthorized(string token)
    {
        using var client = Client(null);
        client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {token}");

        Assert.Equal(401, await CodeAsync(client, Pods));
    }

    [Fact]
    public async Task A_changed_token_is_unauthorized()
    {
        await server.CreateAsync("/api/v1/namespaces/default/serviceaccounts", """{"metadata":{"name":"forged"}}""");
        var (_, request) = await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/serviceaccounts/forged/token", """{"spec":{}}""");
        var parts = request.Text("status", "token").Split('.');
        var claims = System.Text.Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(parts[1])).Replace("forged", "admin", StringComparison.Ordinal);
        using var client = Client(null);
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", $"{parts[0]}.{System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(claims))}.{parts[2]}");

        Assert.Equal(401, await CodeAsync(client, Pods));
    }

    [Fact]
    public async Task Acting_as_another_needs_the_right_to()
    {
        using var jane = server.Host.Pki.ClientCertificate("jane");
        using var admin = server.Host.Pki.ClientCertificate("root", "system:masters");
        using var janes = Client(jane);
        using var admins = Client(admin);
        janes.DefaultRequestHeaders.Add("Impersonate-User", "kubernetes-admin");
        admins.DefaultRequestHeaders.Add("Impersonate-User", "somebody");

        var refused = await StatusAsync(janes, Pods);
        var asSomebody = await StatusAsync(admins, Pods);

        Assert.Equal("users \"kubernetes-admin\" is forbidden: User \"jane\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope", refused.Text("message"));
        Assert.StartsWith("pods is forbidden: User \"somebody\"", asSomebody.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_writes_its_own_object_only()
    {
        await server.CreateAsync("/api/v1/nodes", """{"metadata":{"name":"n1"}}""");
        await server.CreateAsync("/api/v1/nodes", """{"metadata":{"name":"n2"}}""");
        using var certificate = server.Host.Pki.ClientCertificate("system:node:n1", "system:nodes");
        using var client = Client(certificate);

        Assert.Equal(200, await CodeAsync(client, "/api/v1/services"));
        Assert.Equal(200, await PatchAsync(client, "/api/v1/nodes/n1"));
        Assert.Equal(403, await PatchAsync(client, "/api/v1/nodes/n2"));
        Assert.Equal(403, await CodeAsync(client, "/apis/rbac.authorization.k8s.io/v1/clusterroles"));
    }

    [Fact]
    public void Keys_are_for_their_owner_only()
    {
        const UnixFileMode mine = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        string[] files = [.. Directory.GetFiles(Path.Combine(server.Folder, "pki")), server.KubeconfigPath, server.Host.UnixSocket!];

        Assert.All(files, file => Assert.Equal(mine, File.GetUnixFileMode(file)));
    }

    [Fact]
    public void Keys_outlive_a_restart_and_a_certificate_is_renewed_for_new_names()
    {
        var folder = Path.Combine(server.Folder, "again");
        using var first = Pki.Open(folder, TimeProvider.System);
        using var certificate = first.ServerCertificate(["a"], [IPAddress.Loopback]);

        using var second = Pki.Open(folder, TimeProvider.System);
        using var same = second.ServerCertificate(["a"], [IPAddress.Loopback]);
        using var wider = second.ServerCertificate(["a", "b"], [IPAddress.Loopback]);

        Assert.Equal(first.AuthorityPem, second.AuthorityPem);
        Assert.Equal(certificate.Thumbprint, same.Thumbprint);
        Assert.NotEqual(certificate.Thumbprint, wider.Thumbprint);
    }

    private HttpClient Client(X509Certificate2? certificate)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, remote, _, _) => Trusted(remote!);
        if (certificate is not null)
        {
            handler.SslOptions.ClientCertificates = [certificate];
            handler.SslOptions.LocalCertificateSelectionCallback = (_, _, _, _, _) => certificate;
        }

        return new HttpClient(handler) { BaseAddress = new Uri($"https://{server.Host.Endpoints[0]}") };
    }

    private bool Trusted(X509Certificate remote)
    {
        using var authority = X509Certificate2.CreateFromPem(server.Host.Pki.AuthorityPem);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.CustomTrustStore.Add(authority);
        return chain.Build((X509Certificate2)remote);
    }

    private static async Task<int> CodeAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return (int)response.StatusCode;
    }

    private static async Task<int> PatchAsync(HttpClient client, string path)
    {
        using var content = new StringContent("""{"metadata":{"annotations":{"a":"b"}}}""", new MediaTypeHeaderValue("application/merge-patch+json"));
        using var response = await client.PatchAsync(new Uri(path, UriKind.Relative), content, TestContext.Current.CancellationToken);
        return (int)response.StatusCode;
    }

    private static async Task<JsonNode?> StatusAsync(HttpClient client, string path)
    {
        using var response = await client.GetAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return JsonNode.Parse(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
