using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.Tests.ApiServer;

/// <summary>What a new pod is given of its service account.</summary>
public sealed class ServiceAccountAdmissionTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Core = "/api/v1/namespaces/default", MountPath = "/var/run/secrets/kubernetes.io/serviceaccount";

    [Fact]
    public async Task Each_container_finds_token_certificate_and_namespace()
    {
        var pod = await server.CreateAsync($"{Core}/pods",
            $$$"""{"metadata":{"name":"mounted"},"spec":{"initContainers":[{"name":"i","image":"x"}],"containers":[{"name":"c","image":"x"},{"name":"own","image":"x","volumeMounts":[{"name":"v","mountPath":"{{{MountPath}}}"}]}],"volumes":[{"name":"v","emptyDir":{}}]}}""");

        var volume = pod.Items("spec", "volumes").Single(v => v.Text("name") != "v");
        Assert.Matches("^kube-api-access-[a-z0-9]{5}$", volume.Text("name"));
        Assert.Equal(["serviceAccountToken", "configMap", "downwardAPI"], volume.Items("projected", "sources").Select(s => ((JsonObject)s!).Single().Key));
        var containers = pod.Items("spec", "initContainers").Concat(pod.Items("spec", "containers")).ToList();
        Assert.All(containers, c => Assert.Equal(MountPath, Assert.Single(c.Items("volumeMounts")).Text("mountPath")));
        Assert.Equal([volume.Text("name"), volume.Text("name"), "v"], containers.Select(c => c.Items("volumeMounts").Single().Text("name")));
    }

    [Fact]
    public async Task A_copy_of_a_pod_keeps_the_volume_it_has()
    {
        var pod = await server.CreateAsync($"{Core}/pods",
            """{"metadata":{"name":"copy"},"spec":{"containers":[{"name":"c","image":"x"}],"volumes":[{"name":"kube-api-access-abcde","emptyDir":{}}]}}""");

        Assert.Equal("kube-api-access-abcde", Assert.Single(pod.Items("spec", "volumes")).Text("name"));
        Assert.Equal("kube-api-access-abcde", Assert.Single(pod["spec"]!["containers"]![0].Items("volumeMounts")).Text("name"));
    }

    [Theory]
    [InlineData(null, null, true)]
    [InlineData(false, null, false)]
    [InlineData(false, true, true)]
    [InlineData(true, false, false)]
    public async Task The_pod_decides_before_its_account(bool? account, bool? pod, bool isMounted)
    {
        var name = $"a-{account}-{pod}".ToLowerInvariant() + "-x";
        await server.CreateAsync($"{Core}/serviceaccounts", $$"""{"metadata":{"name":"{{name}}"}{{Flag(account)}}}""");
        var created = await server.CreateAsync($"{Core}/pods", $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"serviceAccountName":"{{{name}}}","containers":[{"name":"c","image":"x"}]{{{Flag(pod)}}}}}""");

        Assert.Equal(isMounted, created.Items("spec", "volumes").Any());
    }

    [Theory]
    [InlineData("exec")]
    [InlineData("attach")]
    [InlineData("portforward")]
    [InlineData("ephemeralcontainers")]
    public async Task A_way_into_a_pod_that_is_not_there_names_another(string subresource)
    {
        await server.SendAsync(HttpMethod.Post, $"{Core}/pods", """{"metadata":{"name":"shut"},"spec":{"containers":[{"name":"c","image":"x"}]}}""");

        var (code, answer) = await server.SendAsync(HttpMethod.Post, $"{Core}/pods/shut/{subresource}", "{}");

        Assert.Equal(405, code);
        Assert.StartsWith($"pods/{subresource} is not supported by this API server; ", answer.Text("message"), StringComparison.Ordinal);
    }

    private static string Flag(bool? value) => value is { } flag ? $",\"automountServiceAccountToken\":{(flag ? "true" : "false")}" : "";
}
