using Fairlead.ApiServer.Json;

namespace Fairlead.Tests.ApiServer;

/// <summary>Ways around the rules that a user has, each of which must be shut.</summary>
public sealed class AuthorizationTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Rbac = "/apis/rbac.authorization.k8s.io/v1";
    private const string Maps = "/api/v1/namespaces/default/configmaps";

    [Theory]
    [InlineData("GET", $"{Rbac}/namespaces/default/clusterrolebindings", null)]
    [InlineData("GET", $"{Rbac}/namespaces/default/clusterroles/cluster-admin", null)]
    [InlineData("POST", $"{Rbac}/namespaces/default/clusterrolebindings", """{"metadata":{"name":"mine"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"User","name":"everything"}]}""")]
    [InlineData("GET", "/api/v1/namespaces/default/nodes", null)]
    [InlineData("GET", "/api/v1/namespaces/default/namespaces", null)]
    [InlineData("DELETE", "/api/v1/namespaces/default/namespaces/kube-public", null)]
    public async Task All_rights_in_a_namespace_reach_nothing_outside_of_it(string method, string path, string? body)
    {
        await GrantAsync("everything", "everything", """{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}""");

        var (code, _) = await server.SendAsAsync("everything", new HttpMethod(method), path, body);
        var (own, _) = await server.SendAsAsync("everything", HttpMethod.Get, "/api/v1/namespaces/default");

        Assert.Equal((404, 200), (code, own));
    }

    [Fact]
    public async Task A_right_to_one_object_lists_and_watches_that_one_only()
    {
        await server.CreateAsync(Maps, """{"metadata":{"name":"mine"}}""");
        await server.CreateAsync(Maps, """{"metadata":{"name":"others"}}""");
        await GrantAsync("one", "one", """{"apiGroups":[""],"resources":["configmaps"],"verbs":["get","list","watch"],"resourceNames":["mine"]}""");

        var (listed, list) = await server.SendAsAsync("one", HttpMethod.Get, $"{Maps}?fieldSelector=metadata.name%3Dmine");
        var (all, _) = await server.SendAsAsync("one", HttpMethod.Get, Maps);
        var (other, _) = await server.SendAsAsync("one", HttpMethod.Get, $"{Maps}?fieldSelector=metadata.name%3Dothers");
        using var watch = new StreamReader(await server.OpenAsync("/api/v1/watch/namespaces/default/configmaps/mine?timeoutSeconds=1"));
        var events = await watch.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.Equal((200, 403, 403), (listed, all, other));
        Assert.Equal("mine", Assert.Single(list.Items("items")).Text("metadata", "name"));
        Assert.Equal("mine", Assert.Single(events.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => System.Text.Json.Nodes.JsonNode.Parse(l)!["object"].Text("metadata", "name"))));
    }

    [Fact]
    public async Task An_apply_that_makes_an_object_needs_the_right_to_create()
    {
        await GrantAsync("patcher", "patcher", """{"apiGroups":[""],"resources":["configmaps"],"verbs":["patch"]}""");
        const string body = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"applied"}}""";

        var (before, refusal) = await ApplyAsync();
        await server.CreateAsync(Maps, body);
        var (after, _) = await ApplyAsync();

        Assert.Equal((403, 200), (before, after));
        Assert.Equal("configmaps \"applied\" is forbidden: User \"patcher\" cannot create resource \"configmaps\" in API group \"\" in the namespace \"default\"", refusal);

        async Task<(int, string)> ApplyAsync()
        {
            var (code, answer) = await server.SendAsAsync("patcher", HttpMethod.Patch, $"{Maps}/applied?fieldManager=x", body, "application/apply-patch+yaml");
            return (code, answer.Text("message"));
        }
    }

    [Fact]
    public async Task Nobody_grants_what_they_do_not_hold()
    {
        await server.CreateAsync($"{Rbac}/namespaces/default/rolebindings", """{"metadata":{"name":"admin"},"roleRef":{"kind":"ClusterRole","name":"admin"},"subjects":[{"kind":"User","name":"boss"}]}""");

        var (held, _) = await CreateAsync("roles", """{"metadata":{"name":"held"},"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get","list"]},{"apiGroups":["apps"],"resources":["deployments"],"verbs":["get","patch"]}]}""");
        var (more, refusal) = await CreateAsync("roles", """{"metadata":{"name":"more"},"rules":[{"apiGroups":[""],"resources":["pods","nodes"],"verbs":["get"]}]}""");
        var (edit, _) = await CreateAsync("rolebindings", """{"metadata":{"name":"edit"},"roleRef":{"kind":"ClusterRole","name":"edit"},"subjects":[{"kind":"User","name":"clerk"}]}""");
        var (admin, _) = await CreateAsync("rolebindings", """{"metadata":{"name":"root"},"roleRef":{"kind":"ClusterRole","name":"cluster-admin"},"subjects":[{"kind":"User","name":"boss"}]}""");
        var (patched, _) = await server.SendAsAsync("boss", HttpMethod.Patch, $"{Rbac}/namespaces/default/roles/held", """[{"op":"add","path":"/rules/0/verbs/-","value":"impersonate"}]""", "application/json-patch+json");
        var (labelled, _) = await server.SendAsAsync("boss", HttpMethod.Patch, $"{Rbac}/namespaces/default/rolebindings/admin", """{"metadata":{"labels":{"a":"b"}}}""", "application/merge-patch+json");

        Assert.Equal((201, 403, 201, 403, 403, 200), (held, more, edit, admin, patched, labelled));
        Assert.Equal("roles.rbac.authorization.k8s.io \"more\" is forbidden: user \"boss\" (groups=[\"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"nodes\"], Verbs:[\"get\"]}", refusal);

        async Task<(int, string)> CreateAsync(string plural, string body)
        {
            var (code, answer) = await server.SendAsAsync("boss", HttpMethod.Post, $"{Rbac}/namespaces/default/{plural}", body);
            return (code, answer.Text("message"));
        }
    }

    [Fact]
    public async Task Who_may_bind_a_role_binds_it_without_holding_its_rules()
    {
        await GrantAsync("binder", "binder", """{"apiGroups":["rbac.authorization.k8s.io"],"resources":["rolebindings"],"verbs":["create"]},{"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"verbs":["bind"],"resourceNames":["view"]}""");

        var (view, _) = await BindAsync("view");
        var (edit, _) = await BindAsync("edit");
        var (none, _) = await BindAsync("none");

        Assert.Equal((201, 403, 404), (view, edit, none));

        Task<(int, System.Text.Json.Nodes.JsonNode?)> BindAsync(string role) => server.SendAsAsync("binder", HttpMethod.Post, $"{Rbac}/namespaces/default/rolebindings",
            $$$"""{"metadata":{"name":"by-binder-{{{role}}}"},"roleRef":{"kind":"ClusterRole","name":"{{{role}}}"},"subjects":[{"kind":"User","name":"guest"}]}""");
    }

    [Theory]
    [InlineData("GET", "/api/v1/namespaces/default/secrets", null)]
    [InlineData("POST", "/api/v1/namespaces/default/serviceaccounts/any/token", """{"spec":{}}""")]
    [InlineData("DELETE", "/api/v1/namespaces/default/pods/any", null)]
    [InlineData("PUT", "/api/v1/namespaces/default/pods/any/status", "{}")]
    [InlineData("DELETE", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/other", null)]
    public async Task Who_takes_over_a_node_does_not_have_the_cluster(string method, string path, string? body)
    {
        var (code, _) = await server.SendAsAsync("system:node:n1", new HttpMethod(method), path, body, group: "system:nodes");

        Assert.Equal(403, code);
    }

    [Theory]
    [InlineData("not a pod", """{"kind":"Secret","apiVersion":"v1","name":"runner"}""", 422)]
    [InlineData("no such pod", """{"kind":"Pod","apiVersion":"v1","name":"nobody"}""", 404)]
    [InlineData("a pod of another time", """{"kind":"Pod","apiVersion":"v1","name":"runner","uid":"old"}""", 409)]
    [InlineData("a pod of another account", """{"kind":"Pod","apiVersion":"v1","name":"stranger"}""", 400)]
    [InlineData("its pod", """{"kind":"Pod","apiVersion":"v1","name":"runner"}""", 201)]
    public async Task A_token_is_bound_to_a_pod_that_runs_as_its_account(string because, string bound, int expected)
    {
        await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/serviceaccounts", """{"metadata":{"name":"bound"}}""");
        await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/pods", """{"metadata":{"name":"runner"},"spec":{"serviceAccountName":"bound","containers":[{"name":"c","image":"i"}]}}""");
        await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/pods", """{"metadata":{"name":"stranger"},"spec":{"containers":[{"name":"c","image":"i"}]}}""");

        var (code, answer) = await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/default/serviceaccounts/bound/token", $$$"""{"spec":{"boundObjectRef":{{{bound}}}}}""");

        Assert.True(code == expected, $"{because}: {code} {answer.Text("message")}");
    }

    [Fact]
    public async Task Namespaces_are_not_deleted_all_at_once()
    {
        var (code, _) = await server.SendAsync(HttpMethod.Delete, "/api/v1/namespaces");
        var (_, discovery) = await server.SendAsync(HttpMethod.Get, "/api/v1");

        Assert.Equal(405, code);
        Assert.DoesNotContain("deletecollection", discovery.Items("resources").Single(r => r.Text("name") == "namespaces").Items("verbs").Select(v => v.Text()));
    }

    private async Task GrantAsync(string name, string user, string rules)
    {
        await server.SendAsync(HttpMethod.Post, $"{Rbac}/namespaces/default/roles", $$$"""{"metadata":{"name":"{{{name}}}"},"rules":[{{{rules}}}]}""");
        await server.SendAsync(HttpMethod.Post, $"{Rbac}/namespaces/default/rolebindings", $$$"""{"metadata":{"name":"{{{name}}}"},"roleRef":{"kind":"Role","name":"{{{name}}}"},"subjects":[{"kind":"User","name":"{{{user}}}"}]}""");
    }
}
