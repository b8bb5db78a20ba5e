using Fairlead.ApiServer.Json;

namespace Fairlead.Tests.ApiServer;

public sealed class DeletionTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Core = "/api/v1/namespaces/default";

    [Fact]
    public async Task A_pod_on_a_node_is_marked_first_and_goes_when_its_node_says_so()
    {
        await CreatePodAsync("running");
        await server.SendAsync(HttpMethod.Post, $"{Core}/pods/running/binding", """{"target":{"kind":"Node","name":"n1"}}""");

        var (code, marked) = await server.SendAsync(HttpMethod.Delete, $"{Core}/pods/running");
        var (_, again) = await server.SendAsync(HttpMethod.Delete, $"{Core}/pods/running?gracePeriodSeconds=60");
        await server.SendAsync(HttpMethod.Delete, $"{Core}/pods/running", """{"gracePeriodSeconds":0}""");
        var (gone, _) = await server.SendAsync(HttpMethod.Get, $"{Core}/pods/running");

        Assert.Equal(200, code);
        Assert.NotEqual("", marked.Text("metadata", "deletionTimestamp"));
        Assert.Equal(30, marked.Number("metadata", "deletionGracePeriodSeconds"));
        Assert.Equal(30, again.Number("metadata", "deletionGracePeriodSeconds"));
        Assert.Equal(404, gone);
    }

    [Fact]
    public async Task A_pod_without_a_node_goes_at_once()
    {
        await CreatePodAsync("waiting");

        await server.SendAsync(HttpMethod.Delete, $"{Core}/pods/waiting");
        var (gone, _) = await server.SendAsync(HttpMethod.Get, $"{Core}/pods/waiting");

        Assert.Equal(404, gone);
    }

    [Fact]
    public async Task A_binding_of_a_pod_of_another_time_is_a_conflict()
    {
        await CreatePodAsync("rebound");

        var (code, answer) = await server.SendAsync(HttpMethod.Post, $"{Core}/pods/rebound/binding", """{"metadata":{"name":"rebound","uid":"old"},"target":{"kind":"Node","name":"n1"}}""");

        Assert.Equal(409, code);
        Assert.StartsWith("Operation cannot be fulfilled on pods \"rebound\": Precondition failed: UID in precondition: old,", answer.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_is_bound_once()
    {
        await CreatePodAsync("bound");

        var (first, _) = await server.SendAsync(HttpMethod.Post, $"{Core}/pods/bound/binding", """{"target":{"kind":"Node","name":"n1"}}""");
        var (second, answer) = await server.SendAsync(HttpMethod.Post, $"{Core}/pods/bound/binding", """{"target":{"kind":"Node","name":"n2"}}""");

        Assert.Equal((201, 409), (first, second));
        Assert.Equal("Operation cannot be fulfilled on pods \"bound\": pod bound is already assigned to node \"n1\"", answer.Text("message"));
    }

    [Fact]
    public async Task An_object_with_finalizers_goes_with_the_last_of_them()
    {
        await server.CreateAsync($"{Core}/configmaps", """{"metadata":{"name":"held","finalizers":["example.com/a","example.com/b"]}}""");

        await server.SendAsync(HttpMethod.Delete, $"{Core}/configmaps/held");
        var (still, _) = await server.SendAsync(HttpMethod.Patch, $"{Core}/configmaps/held", """{"metadata":{"finalizers":["example.com/b"]}}""", "application/merge-patch+json");
        var (refused, why) = await server.SendAsync(HttpMethod.Patch, $"{Core}/configmaps/held", """{"metadata":{"finalizers":["example.com/c","example.com/b"]}}""", "application/merge-patch+json");
        await server.SendAsync(HttpMethod.Patch, $"{Core}/configmaps/held", """{"metadata":{"finalizers":null}}""", "application/merge-patch+json");
        var (gone, _) = await server.SendAsync(HttpMethod.Get, $"{Core}/configmaps/held");

        Assert.Equal((200, 422, 404), (still, refused, gone));
        Assert.Contains("no new finalizers can be added if the object is being deleted", why.Text("message"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Orphan", "orphan")]
    [InlineData("Foreground", "foregroundDeletion")]
    public async Task Propagation_policies_are_left_to_the_garbage_collector(string policy, string finalizer)
    {
        var name = policy.ToLowerInvariant();
        await server.CreateAsync($"{Core}/configmaps", $$$"""{"metadata":{"name":"{{{name}}}"}}""");

        var (_, marked) = await server.SendAsync(HttpMethod.Delete, $"{Core}/configmaps/{name}", $$"""{"propagationPolicy":"{{policy}}"}""");

        Assert.Equal(finalizer, marked!["metadata"]!["finalizers"]![0].Text());
    }

    [Fact]
    public async Task A_precondition_on_another_uid_is_a_conflict()
    {
        await server.CreateAsync($"{Core}/configmaps", """{"metadata":{"name":"pre"}}""");

        var (code, _) = await server.SendAsync(HttpMethod.Delete, $"{Core}/configmaps/pre", """{"preconditions":{"uid":"other"}}""");

        Assert.Equal(409, code);
    }

    [Fact]
    public async Task A_namespace_terminates_takes_nothing_new_and_goes_when_finalized()
    {
        await server.CreateAsync("/api/v1/namespaces", """{"metadata":{"name":"leaving"}}""");

        var (_, terminating) = await server.SendAsync(HttpMethod.Delete, "/api/v1/namespaces/leaving");
        var (forbidden, why) = await server.SendAsync(HttpMethod.Post, "/api/v1/namespaces/leaving/configmaps", """{"metadata":{"name":"late"}}""");
        await server.SendAsync(HttpMethod.Put, "/api/v1/namespaces/leaving/finalize", """{"metadata":{"name":"leaving"},"spec":{}}""");
        var (gone, _) = await server.SendAsync(HttpMethod.Get, "/api/v1/namespaces/leaving");

        Assert.Equal("Terminating", terminating.Text("status", "phase"));
        Assert.Equal((403, 404), (forbidden, gone));
        Assert.Equal("configmaps \"late\" is forbidden: unable to create new content in namespace leaving because it is being terminated", why.Text("message"));
    }

    [Fact]
    public async Task The_first_namespaces_stay()
        => Assert.Equal(403, (await server.SendAsync(HttpMethod.Delete, "/api/v1/namespaces/kube-system")).Code);

    [Fact]
    public async Task A_collection_is_deleted_by_selector()
    {
        await server.CreateAsync($"{Core}/configmaps", """{"metadata":{"name":"c1","labels":{"set":"x"}}}""");
        await server.CreateAsync($"{Core}/configmaps", """{"metadata":{"name":"c2","labels":{"set":"y"}}}""");

        await server.SendAsync(HttpMethod.Delete, $"{Core}/configmaps?labelSelector=set%3Dx");

        Assert.Equal(404, (await server.SendAsync(HttpMethod.Get, $"{Core}/configmaps/c1")).Code);
        Assert.Equal(200, (await server.SendAsync(HttpMethod.Get, $"{Core}/configmaps/c2")).Code);
    }

    private Task CreatePodAsync(string name)
        => server.CreateAsync($"{Core}/pods", $$$"""{"metadata":{"name":"{{{name}}}"},"spec":{"containers":[{"name":"c","image":"i"}]}}""");
}
