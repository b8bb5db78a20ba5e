using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.Tests.ApiServer;

public sealed class WatchTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Maps = "/api/v1/namespaces/default/configmaps";

    [Fact]
    public async Task A_watch_from_a_list_sees_each_later_change_once_and_in_order()
    {
        var (_, list) = await server.SendAsync(HttpMethod.Get, Maps);
        using var watch = await OpenAsync($"{Maps}?watch=true&resourceVersion={list.Text("metadata", "resourceVersion")}&labelSelector=w%3D1");

        await server.CreateAsync(Maps, """{"metadata":{"name":"w1","labels":{"w":"1"}}}""");
        await PatchAsync("w1", """{"data":{"a":"b"}}""");
        await server.SendAsync(HttpMethod.Delete, $"{Maps}/w1");

        Assert.Equal(["ADDED w1", "MODIFIED w1", "DELETED w1"], await ReadAsync(watch, 3));
    }

    [Fact]
    public async Task An_object_that_enters_or_leaves_the_selector_is_added_or_deleted()
    {
        await server.CreateAsync(Maps, """{"metadata":{"name":"sel"}}""");
        var (_, list) = await server.SendAsync(HttpMethod.Get, Maps);
        using var watch = await OpenAsync($"{Maps}?watch=1&resourceVersion={list.Text("metadata", "resourceVersion")}&labelSelector=in%3Dyes");

        await PatchAsync("sel", """{"metadata":{"labels":{"in":"yes"}}}""");
        await PatchAsync("sel", """{"metadata":{"labels":{"in":"no"}}}""");

        Assert.Equal(["ADDED sel", "DELETED sel"], await ReadAsync(watch, 2));
    }

    [Fact]
    public async Task A_watch_from_nothing_starts_with_what_is_there_and_marks_its_end_on_demand()
    {
        await server.CreateAsync("/api/v1/namespaces", """{"metadata":{"name":"initial"}}""");
        using var watch = await OpenAsync("/api/v1/namespaces?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&fieldSelector=metadata.name%3Dinitial");

        Assert.Equal("ADDED initial", (await ReadAsync(watch, 1))[0]);
        var bookmark = JsonNode.Parse((await watch.ReadLineAsync(TestContext.Current.CancellationToken))!);
        Assert.Equal("BOOKMARK", bookmark.Text("type"));
        Assert.Equal("true", bookmark!["object"].Text("metadata", "annotations", "k8s.io/initial-events-end"));
    }

    [Fact]
    public async Task A_version_from_before_the_history_is_gone()
    {
        var (_, list) = await server.SendAsync(HttpMethod.Get, "/apis/coordination.k8s.io/v1/leases");
        var before = long.Parse(list.Text("metadata", "resourceVersion"), System.Globalization.CultureInfo.InvariantCulture) - 1;

        using var old = await OpenAsync($"/apis/coordination.k8s.io/v1/leases?watch=1&resourceVersion={before}");
        var error = JsonNode.Parse((await old.ReadLineAsync(TestContext.Current.CancellationToken))!);

        Assert.Equal("ERROR", error.Text("type"));
        Assert.Equal(410, error!["object"].Number("code"));
        Assert.StartsWith("too old resource version: ", error["object"].Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_version_that_is_yet_to_come_is_gone_too()
    {
        using var watch = await OpenAsync($"{Maps}?watch=1&resourceVersion=999999999");
        var error = JsonNode.Parse((await watch.ReadLineAsync(TestContext.Current.CancellationToken))!);

        Assert.Equal(("ERROR", 410), (error.Text("type"), error!["object"].Number("code")));
        Assert.StartsWith("too large resource version: 999999999, current: ", error["object"].Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_watch_ends_after_its_time()
    {
        var (_, list) = await server.SendAsync(HttpMethod.Get, Maps);
        using var watch = await OpenAsync($"{Maps}?watch=1&resourceVersion={list.Text("metadata", "resourceVersion")}&timeoutSeconds=1&labelSelector=none%3Dsuch");

        Assert.Null(await watch.ReadLineAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Pages_of_a_list_are_of_one_version()
    {
        await server.CreateAsync("/api/v1/namespaces", """{"metadata":{"name":"pages"}}""");
        const string path = "/api/v1/namespaces/pages/configmaps";
        for (var i = 0; i < 5; i++)
        {
            await server.CreateAsync(path, $$$"""{"metadata":{"name":"p{{{i}}}"}}""");
        }

        var (_, first) = await server.SendAsync(HttpMethod.Get, $"{path}?limit=2");
        await server.SendAsync(HttpMethod.Delete, $"{path}/p3");
        var (_, second) = await server.SendAsync(HttpMethod.Get, $"{path}?limit=2&continue={Uri.EscapeDataString(first.Text("metadata", "continue"))}");
        var (_, third) = await server.SendAsync(HttpMethod.Get, $"{path}?limit=2&continue={Uri.EscapeDataString(second.Text("metadata", "continue"))}");

        Assert.Equal(["p0", "p1", "p2", "p3", "p4"], first.Items("items").Concat(second.Items("items")).Concat(third.Items("items")).Select(i => i.Text("metadata", "name")));
        Assert.Equal(3, first.Number("metadata", "remainingItemCount"));
        Assert.Equal(first.Text("metadata", "resourceVersion"), third.Text("metadata", "resourceVersion"));
    }

    [Fact]
    public async Task A_continuation_of_long_ago_is_gone()
    {
        var token = Convert.ToBase64String("3 default/p0"u8);

        var (code, answer) = await server.SendAsync(HttpMethod.Get, $"{Maps}?limit=2&continue={Uri.EscapeDataString(token)}");

        Assert.Equal((410, "Expired"), (code, answer.Text("reason")));
    }

    private Task PatchAsync(string name, string patch) => server.SendAsync(HttpMethod.Patch, $"{Maps}/{name}", patch, "application/merge-patch+json");

    private async Task<StreamReader> OpenAsync(string path) => new(await server.OpenAsync(path));

    private static async Task<List<string>> ReadAsync(StreamReader watch, int count)
    {
        var events = new List<string>();
        while (events.Count < count && await watch.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            var change = JsonNode.Parse(line);
            events.Add($"{change.Text("type")} {change!["object"].Text("metadata", "name")}");
        }

        return events;
    }
}
