using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Lab.Workloads;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Workloads;

public sealed class HttpWorkloadTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/", 200, "wear\n")]
    [InlineData("/healthz", 200, "ok\n")]
    [InlineData("/wear", 404, "404: /wear is not here, only /\n")]
    public async Task A_text_is_at_the_root_only_so_that_a_rewrite_can_be_seen(string path, int status, string body)
        => await WithAsync(["--text", "wear"], async client =>
        {
            using var response = await client.GetAsync(new Uri(path, UriKind.Relative), Ct);

            Assert.Equal((status, body), ((int)response.StatusCode, await response.Content.ReadAsStringAsync(Ct)));
            Assert.Equal("pod-1", response.Headers.GetValues("X-Pod").Single());
        });

    [Fact]
    public async Task A_status_makes_it_a_default_backend()
        => await WithAsync(["--text", "nothing", "--status=404"], async client =>
            Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(new Uri("/any", UriKind.Relative), Ct)).StatusCode));

    [Fact]
    public async Task Echoes_what_it_sees()
        => await WithAsync([], async client =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/a/b?c=d") { Content = new StringContent("body"), Headers = { { "X-Own", "x" } } };
            using var response = await client.SendAsync(request, Ct);
            var echo = JsonNode.Parse(await response.Content.ReadAsStringAsync(Ct))!;

            Assert.Equal("pod-1 node-1 POST /a/b ?c=d body x", $"{echo["pod"]} {echo["node"]} {echo["method"]} {echo["path"]} {echo["query"]} {echo["body"]} {echo["headers"]!["X-Own"]}");
        });

    [Theory]
    [InlineData("/status/503", 503)]
    [InlineData("/delay/1", 200)]
    [InlineData("/bytes/100000", 200)]
    public async Task Answers_as_the_path_asks(string path, int status)
        => await WithAsync([], async client => Assert.Equal(status, (int)(await client.GetAsync(new Uri(path, UriKind.Relative), Ct)).StatusCode));

    [Fact]
    public async Task Serves_a_folder_and_nothing_outside_of_it()
    {
        var folder = Directory.CreateTempSubdirectory("fairlead-t-");
        try
        {
            await File.WriteAllTextAsync(Path.Join(folder.FullName, "index.html"), "hello", Ct);
            await WithAsync(["--root", folder.FullName], async client =>
            {
                Assert.Equal("hello", await client.GetStringAsync(new Uri("/", UriKind.Relative), Ct));
                Assert.Equal(HttpStatusCode.NotFound, (await client.GetAsync(new Uri("/..%2f..%2fetc/passwd", UriKind.Relative), Ct)).StatusCode);
            });
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Goes_on_answering_while_it_drains_and_then_ends()
    {
        var time = new ManualTime();
        using var stop = new CancellationTokenSource();
        var started = new TaskCompletionSource<HttpWorkload>();
        await using var workload = new HttpWorkload(HttpWorkloadOptions.Parse(["--port=0", "--text=wear", "--drain=3"], _ => null), time);
        var running = workload.RunAsync(started.SetResult, stop.Token);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{(await started.Task.WaitAsync(Ct)).Port}") };
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(new Uri("/readyz", UriKind.Relative), Ct)).StatusCode);

        await stop.CancelAsync();
        await time.UntilAwaitedAsync(TimeSpan.FromSeconds(3), Ct);
        using var draining = await client.GetAsync(new Uri("/", UriKind.Relative), Ct);
        using var unready = await client.GetAsync(new Uri("/readyz", UriKind.Relative), Ct);
        time.Advance(TimeSpan.FromSeconds(3));
        await running.WaitAsync(TimeSpan.FromSeconds(20), Ct);

        Assert.Equal((HttpStatusCode.OK, true), (draining.StatusCode, draining.Headers.ConnectionClose));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, unready.StatusCode);
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri("/", UriKind.Relative), Ct));
    }

    [Theory]
    [InlineData("--port", "--port needs a value")]
    [InlineData("--port=x", "--port: 'x' is no port")]
    [InlineData("--drain=long", "--drain: 'long' is no number of seconds")]
    [InlineData("--root=/no/such/folder", "--root: there is no folder /no/such/folder")]
    [InlineData("--what=1", "unknown argument --what; there are --port, --text, --status, --root and --drain")]
    public void A_wrong_argument_is_told(string argument, string message)
        => Assert.Equal(message, Assert.Throws<FormatException>(() => HttpWorkloadOptions.Parse([argument], _ => null)).Message);

    private static async Task WithAsync(string[] args, Func<HttpClient, Task> act)
    {
        using var stop = new CancellationTokenSource();
        var started = new TaskCompletionSource<HttpWorkload>();
        var options = HttpWorkloadOptions.Parse([.. args, "--port=0", "--drain=0"], name => name switch { "POD_NAME" => "pod-1", "NODE_NAME" => "node-1", _ => null });
        await using var workload = new HttpWorkload(options, TimeProvider.System);
        var running = workload.RunAsync(started.SetResult, stop.Token);
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{(await started.Task.WaitAsync(Ct)).Port}") };

        await act(client);

        await stop.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }
}
