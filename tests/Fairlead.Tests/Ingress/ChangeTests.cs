using System.Net;
using Cluster = Fairlead.Tests.Routing.Cluster;

namespace Fairlead.Tests.Ingress;

/// <summary>Routes change while requests run.</summary>
public sealed class ChangeTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_thousand_changes_under_load_fail_no_request()
    {
        using var first = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
        using var second = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
        var cluster = Cluster.With(Cluster.Rules("store", "x.io/ web:80"), Cluster.Rules("other", "x.io/other other:80"));
        var table = Proxy.Endpoints(cluster, "web", first.Port, second.Port).Compile();
        await using var proxy = await Proxy.StartAsync(table);
        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, 8).Select(_ => LoadAsync()).ToArray();

        for (var i = 0; i < 1000; i++)
        {
            // In turn: one endpoint gone, the other gone, the service under another path, all as it was.
            table = (i % 4) switch
            {
                0 => Proxy.Endpoints(Fresh(), "web", first.Port).Compile(table),
                1 => Proxy.Endpoints(Fresh(), "web", second.Port).Compile(table),
                2 => Proxy.Endpoints(Fresh().Add(Cluster.Rules("other", "x.io/new web:80")), "web", first.Port, second.Port).Compile(table),
                _ => Proxy.Endpoints(Fresh(), "web", first.Port, second.Port).Compile(table),
            };
            proxy.Routes.Publish(table);
            await Task.Yield();
        }

        await stop.CancelAsync();
        var counts = await Task.WhenAll(load);
        Assert.True(counts.Sum() > 100, $"only {counts.Sum()} requests ran");

        static Cluster Fresh() => Cluster.With(Cluster.Rules("store", "x.io/ web:80"), Cluster.Rules("other", "x.io/other other:80"));

        async Task<int> LoadAsync()
        {
            var count = 0;
            while (!stop.IsCancellationRequested)
            {
                var (status, body) = await proxy.GetAsync();
                Assert.True(status == HttpStatusCode.OK && body is "a" or "b", $"request {count}: {status} {body}");
                count++;
            }

            return count;
        }
    }

    [Fact]
    public async Task A_removed_endpoint_gets_nothing_new_and_ends_what_it_has()
    {
        var arrived = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var requests = 0;
        using var leaving = new RawUpstream(async peer =>
        {
            while (await peer.ReadRequestAsync() is not null)
            {
                requests++;
                arrived.TrySetResult();
                await release.Task;
                await peer.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
            }
        });
        using var staying = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
        await using var proxy = await Proxy.StartAsync([leaving.Port]);
        var running = proxy.GetAsync();
        await arrived.Task.WaitAsync(Ct);

        proxy.Routes.Publish(Proxy.Table([staying.Port]));
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal((HttpStatusCode.OK, "new"), await proxy.GetAsync());
        }

        release.SetResult();
        Assert.Equal((HttpStatusCode.OK, "old"), await running);
        Assert.Equal(1, requests);
    }

    [Fact]
    public async Task Requests_are_spread_over_the_endpoints_in_turn()
    {
        using var first = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
        using var second = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
        await using var proxy = await Proxy.StartAsync([first.Port, second.Port]);
        var answers = new List<string>();

        for (var i = 0; i < 10; i++)
        {
            answers.Add((await proxy.GetAsync()).Body);
        }

        Assert.Equal(5, answers.Count(a => a == "a"));
    }

    [Fact]
    public async Task A_new_route_is_in_force_from_the_next_request_on()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
        await using var proxy = await Proxy.StartAsync(Fairlead.Core.Routing.RouteTable.Empty);

        Assert.Equal(HttpStatusCode.NotFound, (await proxy.GetAsync()).Status);
        proxy.Routes.Publish(Proxy.Table([upstream.Port]));
        Assert.Equal(HttpStatusCode.OK, (await proxy.GetAsync()).Status);
    }
}
