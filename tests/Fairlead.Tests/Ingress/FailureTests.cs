using System.Net;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Ingress;

public sealed class FailureTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_next_endpoint_is_tried_when_one_is_closed_whatever_the_method()
    {
        using var upstream = RawUpstream.Answering(Ok);
        await using var proxy = await Proxy.StartAsync([RawUpstream.ClosedPort(), upstream.Port]);

        for (var i = 0; i < 6; i++)
        {
            using var response = await proxy.SendAsync(i % 2 == 0 ? HttpMethod.Get : HttpMethod.Post, "/");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_switch_of_protocols_while_the_body_is_still_coming_ends_the_sending_and_the_clients_connection_goes_on()
    {
        using var upstream = new RawUpstream(async peer =>
        {
            var head = await peer.ReadRequestAsync();
            await peer.WriteAsync(head!.StartsWith("POST", StringComparison.Ordinal) ? "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" : Ok);
            await peer.ReadToEndAsync();
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);
        using var socket = await proxy.ConnectAsync();
        await using var stream = new System.Net.Sockets.NetworkStream(socket);
        var peer = new Peer(stream);

        await peer.WriteAsync($"POST / HTTP/1.1\r\nHost: x.io\r\nContent-Length: 200000\r\n\r\n{new string('a', 100_000)}");
        var answer = await peer.ReadRequestAsync().WaitAsync(TimeSpan.FromSeconds(20), Ct);
        Assert.StartsWith("HTTP/1.1 502", answer, StringComparison.Ordinal);
        await peer.ReadAsync(ContentLength(answer!));
        await peer.WriteAsync($"{new string('a', 100_000)}GET / HTTP/1.1\r\nHost: x.io\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 200", await peer.ReadRequestAsync().WaitAsync(TimeSpan.FromSeconds(20), Ct), StringComparison.Ordinal);
    }

    private static int ContentLength(string head)
        => int.Parse(head.Split("Content-Length: ")[1].Split("\r\n")[0], System.Globalization.CultureInfo.InvariantCulture);

    [Fact]
    public async Task No_endpoint_answers_is_502()
    {
        await using var proxy = await Proxy.StartAsync([RawUpstream.ClosedPort(), RawUpstream.ClosedPort()]);

        Assert.Equal(HttpStatusCode.BadGateway, (await proxy.GetAsync()).Status);
    }

    [Fact]
    public async Task No_endpoint_is_503()
    {
        await using var proxy = await Proxy.StartAsync([]);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await proxy.GetAsync()).Status);
    }

    [Fact]
    public async Task The_next_endpoint_is_tried_when_one_dies_and_the_method_is_idempotent()
    {
        using var dying = new RawUpstream(peer => peer.ReadRequestAsync());
        using var upstream = RawUpstream.Answering(Ok);
        await using var proxy = await Proxy.StartAsync([dying.Port, upstream.Port]);

        for (var i = 0; i < 4; i++)
        {
            using var response = await proxy.SendAsync(HttpMethod.Put, "/", new StringContent("again"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.InRange(dying.Connections, 1, 4);
    }

    [Fact]
    public async Task What_may_not_be_done_twice_is_sent_once()
    {
        using var dying = new RawUpstream(peer => peer.ReadRequestAsync());
        using var second = new RawUpstream(peer => peer.ReadRequestAsync());
        await using var proxy = await Proxy.StartAsync([dying.Port, second.Port]);

        using var response = await proxy.SendAsync(HttpMethod.Post, "/", new StringContent("pay"));

        Assert.Equal(HttpStatusCode.BadGateway, response.StatusCode);
        Assert.Equal(1, dying.Connections + second.Connections);
    }

    [Theory]
    [InlineData("the author allows it", "proxy-next-upstream: error non_idempotent", HttpStatusCode.OK)]
    [InlineData("the author forbids any", "proxy-next-upstream: off", HttpStatusCode.BadGateway)]
    public async Task The_author_decides_about_the_next_endpoint(string because, string annotation, HttpStatusCode expected)
    {
        var first = true;
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            if (!first)
            {
                await peer.WriteAsync(Ok);
            }

            first = false;
        });
        using var other = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            if (!first)
            {
                await peer.WriteAsync(Ok);
            }

            first = false;
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port, other.Port], annotation);

        using var response = await proxy.SendAsync(HttpMethod.Post, "/", new StringContent("x"));

        Assert.True(expected == response.StatusCode, because);
    }

    [Fact]
    public async Task A_status_can_lead_to_the_next_endpoint_and_the_last_ones_counts()
    {
        using var busy = RawUpstream.Answering("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
        using var upstream = RawUpstream.Answering(Ok);
        await using var proxy = await Proxy.StartAsync([busy.Port, upstream.Port], "proxy-next-upstream: error http_503");
        await using var alone = await Proxy.StartAsync([busy.Port], "proxy-next-upstream: error http_503");

        Assert.Equal((HttpStatusCode.OK, "ok"), await proxy.GetAsync());
        Assert.Equal((HttpStatusCode.OK, "ok"), await proxy.GetAsync());
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "busy"), await alone.GetAsync());
    }

    [Theory]
    [InlineData("a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")]
    [InlineData("chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n")]
    public async Task An_answer_that_is_cut_is_seen_to_be_cut(string because, string beginning)
    {
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync(beginning);
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        var failure = await Record.ExceptionAsync(() => proxy.GetAsync());

        Assert.True(failure is HttpRequestException or IOException, $"{because}: {failure}");
        Assert.Equal(1, upstream.Connections);
    }

    [Fact]
    public async Task Silence_is_504()
    {
        var time = new ManualTime();
        var arrived = new TaskCompletionSource();
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            arrived.SetResult();
            await peer.ReadToEndAsync();
        });
        await using var proxy = await Proxy.StartAsync(time, [upstream.Port], "proxy-read-timeout: 7");

        var response = proxy.GetAsync();
        await arrived.Task.WaitAsync(Ct);
        Assert.False(response.IsCompleted);
        await AdvanceUntilAsync(time, response);

        Assert.Equal(HttpStatusCode.GatewayTimeout, (await response).Status);
    }

    [Fact]
    public async Task Silence_leads_to_the_next_endpoint()
    {
        using var silent = new RawUpstream(peer => peer.ReadToEndAsync());
        using var upstream = RawUpstream.Answering(Ok);
        await using var proxy = await Proxy.StartAsync([silent.Port, upstream.Port], "proxy-read-timeout: 1");

        var answers = await Task.WhenAll(proxy.GetAsync(), proxy.GetAsync());

        Assert.All(answers, a => Assert.Equal(HttpStatusCode.OK, a.Status));
        Assert.True(silent.Connections > 0);
    }

    public static TheoryData<string, string> NoHttp => new()
    {
        { "no HTTP at all", "hello\r\n\r\n" },
        { "another version", "HTTP/2 200 OK\r\n\r\n" },
        { "a status that is no number", "HTTP/1.1 abc OK\r\n\r\n" },
        { "a status of two digits", "HTTP/1.1 20 OK\r\n\r\n" },
        { "a bare line feed", "HTTP/1.1 200 OK\nContent-Length: 0\n\n" },
        { "a space before the colon", "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n" },
        { "a folded line", "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n" },
        { "a header without a name", "HTTP/1.1 200 OK\r\n: b\r\nContent-Length: 0\r\n\r\n" },
        { "a header without a colon", "HTTP/1.1 200 OK\r\nabc\r\nContent-Length: 0\r\n\r\n" },
        { "a NUL in a value", "HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 0\r\n\r\n" },
        { "a carriage return in a value", "HTTP/1.1 200 OK\r\nX-A: a\rb\r\nContent-Length: 0\r\n\r\n" },
        { "two framings", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
        { "two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd" },
        { "a list of lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3, 3\r\n\r\nabc" },
        { "a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" },
        { "a length with a sign", "HTTP/1.1 200 OK\r\nContent-Length: +3\r\n\r\nabc" },
        { "a length beyond all numbers", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n" },
        { "an unknown encoding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" },
        { "chunks in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" },
        { "a switch of protocols that nobody asked for", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" },
    };

    [Theory, MemberData(nameof(NoHttp))]
    public async Task What_is_no_http_is_502(string because, string answer)
    {
        using var upstream = RawUpstream.Answering(answer);
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        var (status, _) = await proxy.GetAsync();

        Assert.True(status == HttpStatusCode.BadGateway, $"{because}: {status}");
    }

    [Theory]
    [InlineData("no size", "\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size that is no number", "xyz\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size with a sign", "+3\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size beyond all numbers", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n")]
    [InlineData("a size with a space", "3 \r\nabc\r\n0\r\n\r\n")]
    [InlineData("a bare line feed", "3\nabc\r\n0\r\n\r\n")]
    [InlineData("more data than the size", "3\r\nabcd\r\n0\r\n\r\n")]
    public async Task Bad_chunks_cut_the_answer(string because, string body)
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body);
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        var failed = await Record.ExceptionAsync(async () => Assert.NotEqual(HttpStatusCode.BadGateway, (await proxy.GetAsync()).Status));

        Assert.True(failed is not null, because);
    }

    [Fact]
    public async Task A_head_without_end_is_refused_before_it_fills_memory()
    {
        var written = 0;
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync("HTTP/1.1 200 OK\r\n");
            while (true)
            {
                await peer.WriteAsync("X-A: " + new string('a', 1000) + "\r\n");
                written += 1000;
            }
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        Assert.Equal(HttpStatusCode.BadGateway, (await proxy.GetAsync()).Status);
        Assert.InRange(written, 60_000, 16 * 1024 * 1024);
    }

    private static async Task AdvanceUntilAsync(ManualTime time, Task done)
    {
        while (!done.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Yield();
        }
    }
}
