using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Tests.Ingress;

public sealed class ForwardingTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Sets_the_headers_that_ingress_nginx_sets()
    {
        var seen = new TaskCompletionSource<string>();
        using var upstream = new RawUpstream(async peer =>
        {
            seen.TrySetResult((await peer.ReadRequestAsync())!);
            await peer.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        // Kestrel reads "close, X-Secret" as "close" alone, so the header that the connection names comes without it.
        using var socket = await proxy.ConnectAsync();
        await using var stream = new NetworkStream(socket);
        await new Peer(stream).WriteAsync(
            "GET /a?b=c HTTP/1.1\r\nHost: x.io:30080\r\nX-Real-IP: 6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nProxy: evil\r\n" +
            "x_real_ip: 6.6.6.6\r\nTE: trailers\r\nKeep-Alive: 5\r\nX-Secret: s\r\nAccept: a/b\r\nAccept: c/d\r\nX-Bytes: \u00e9\r\nConnection: X-Secret\r\n\r\n");
        var head = (await seen.Task.WaitAsync(Ct)).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);

        Assert.Equal("GET /a?b=c HTTP/1.1", head[0]);
        Assert.Matches("^[0-9a-f]{32}$", head.Single(h => h.StartsWith("X-Request-ID: ", StringComparison.Ordinal))["X-Request-ID: ".Length..]);
        Assert.Equal(
            [
                "Accept: a/b", "Accept: c/d", "Host: x.io:30080", "X-Bytes: \u00e9", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: x.io:30080",
                "X-Forwarded-Port: 0", "X-Forwarded-Proto: http", "X-Forwarded-Scheme: http", "X-Original-Forwarded-For: 6.6.6.6", "X-Real-IP: 127.0.0.1", "X-Scheme: http",
            ],
            head[1..].Where(h => !h.StartsWith("X-Request-ID", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Passes_the_answers_headers_and_drops_what_is_between_two_hops()
    {
        using var upstream = RawUpstream.Answering(
            "HTTP/1.1 201 Made\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Own: \u00e9\r\nServer: old\r\nX-Accel-Redirect: /x\r\nKeep-Alive: 9\r\n" +
            "Connection: keep-alive, X-Hop\r\nX-Hop: h\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        var answer = await proxy.RawAsync("GET / HTTP/1.1\r\nHost: x.io\r\nConnection: close\r\n\r\n");
        var lines = answer.Split("\r\n");

        Assert.StartsWith("HTTP/1.1 201", lines[0], StringComparison.Ordinal);
        Assert.Equal(
            ["Connection: close", "Content-Length: 2", "Set-Cookie: a=1", "Set-Cookie: b=2", "X-Own: \u00e9"],
            lines[1..Array.IndexOf(lines, "")].Where(l => !l.StartsWith("Date: ", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.EndsWith("\r\n\r\nok", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Keeps_connections_to_endpoints()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal((HttpStatusCode.OK, "ok"), await proxy.GetAsync());
        }

        Assert.Equal(1, upstream.Connections);
    }

    [Theory]
    [InlineData("Connection: close\r\nContent-Length: 2\r\n\r\nok", "an endpoint that says so")]
    [InlineData("Content-Length: 2\r\n\r\nok and more", "an endpoint that says more than its length")]
    public async Task Does_not_keep_a_connection_that_is_in_no_known_state(string rest, string because)
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\n" + rest);
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        await proxy.GetAsync();
        var (_, body) = await proxy.GetAsync();

        Assert.True(body == "ok", because);
        Assert.Equal(2, upstream.Connections);
    }

    [Fact]
    public async Task A_kept_connection_that_the_endpoint_closed_costs_nothing()
    {
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await proxy.GetAsync()).Status);
        }

        Assert.Equal(20, upstream.Connections);
    }

    [Fact]
    public async Task A_chunked_answer_arrives_as_it_is_made()
    {
        var seen = new TaskCompletionSource();
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nfirst\r\n");
            await seen.Task;
            await peer.WriteAsync("6\r\nsecond\r\n0\r\nX-Trailer: t\r\n\r\n");
            await peer.ReadRequestAsync();
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        using var response = await proxy.SendAsync(HttpMethod.Get, "/");
        await using var body = await response.Content.ReadAsStreamAsync(Ct);
        var buffer = new byte[100];
        var first = await body.ReadAsync(buffer, Ct);
        seen.SetResult();
        var rest = await new StreamReader(body).ReadToEndAsync(Ct);

        Assert.Equal(("first", "second"), (System.Text.Encoding.ASCII.GetString(buffer, 0, first), rest));
        Assert.True(response.Headers.TransferEncodingChunked);
    }

    [Fact]
    public async Task An_answer_that_ends_with_its_connection_is_whole()
    {
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync("HTTP/1.0 200 OK\r\n\r\nall of it");
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        Assert.Equal((HttpStatusCode.OK, "all of it"), await proxy.GetAsync());
    }

    [Theory]
    [InlineData("with a length", true)]
    [InlineData("in chunks", false)]
    public async Task Great_bodies_pass_both_ways_unchanged(string because, bool withLength)
    {
        await using var upstream = await EchoUpstream.StartAsync(async context =>
        {
            // HttpClient reads no answer while it sends, so the echo waits for the end.
            using var all = new MemoryStream();
            await context.Request.Body.CopyToAsync(all, context.RequestAborted);
            context.Response.ContentLength = context.Request.ContentLength;
            await context.Response.Body.WriteAsync(all.GetBuffer().AsMemory(0, (int)all.Length), context.RequestAborted);
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port], "proxy-body-size: 0");
        var bytes = RandomNumberGenerator.GetBytes(24 * 1024 * 1024);

        using var response = await proxy.SendAsync(
            HttpMethod.Post, "/", new ByteArrayContent(bytes), r => r.Headers.TransferEncodingChunked = !withLength);
        var back = await response.Content.ReadAsByteArrayAsync(Ct);

        Assert.True(bytes.AsSpan().SequenceEqual(back), because);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(64 * 1024)]
    [InlineData((64 * 1024) + 1)]
    public async Task Bodies_of_any_length_pass(int length)
    {
        await using var upstream = await EchoUpstream.StartAsync(context => context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted));
        await using var proxy = await Proxy.StartAsync([upstream.Port]);
        var text = new string('b', length);

        using var response = await proxy.SendAsync(HttpMethod.Put, "/", new StringContent(text));

        Assert.Equal(text, await response.Content.ReadAsStringAsync(Ct));
    }

    [Fact]
    public async Task A_client_that_expects_100_is_told_to_go_on()
    {
        await using var upstream = await EchoUpstream.StartAsync(context => context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted));
        await using var proxy = await Proxy.StartAsync([upstream.Port]);
        using var socket = await proxy.ConnectAsync();
        await using var stream = new NetworkStream(socket);
        var peer = new Peer(stream);

        await peer.WriteAsync("POST / HTTP/1.1\r\nHost: x.io\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 100", await peer.ReadRequestAsync(), StringComparison.Ordinal);
        await peer.WriteAsync("body");

        Assert.StartsWith("HTTP/1.1 200", await peer.ReadRequestAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Interim_answers_are_not_the_answer()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        Assert.Equal((HttpStatusCode.OK, "ok"), await proxy.GetAsync());
        Assert.Equal((HttpStatusCode.OK, "ok"), await proxy.GetAsync());
        Assert.Equal(1, upstream.Connections);
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", 200, 999L)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 999\r\n\r\n", 304, 999L)]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n\r\n", 204, null)]
    public async Task Answers_without_a_body_have_none(string method, string answer, int status, long? length)
    {
        using var upstream = RawUpstream.Answering(answer);
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        for (var i = 0; i < 2; i++)
        {
            using var response = await proxy.SendAsync(new HttpMethod(method), "/");
            Assert.Equal(status, (int)response.StatusCode);
            Assert.Equal(length ?? 0, response.Content.Headers.ContentLength ?? 0);
        }

        Assert.Equal(1, upstream.Connections);
    }

    [Fact]
    public async Task An_endpoint_may_answer_before_it_has_the_whole_body()
    {
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port], "proxy-body-size: 0");

        var answer = await proxy.RawAsync("POST / HTTP/1.1\r\nHost: x.io\r\nContent-Length: 10000000\r\n\r\nbeginning");

        Assert.StartsWith("HTTP/1.1 403", answer, StringComparison.Ordinal);
        Assert.EndsWith("no", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_beyond_the_limit_gets_413_also_without_a_length()
    {
        await using var upstream = await EchoUpstream.StartAsync(context => context.Request.Body.CopyToAsync(Stream.Null, context.RequestAborted));
        await using var proxy = await Proxy.StartAsync([upstream.Port], "proxy-body-size: 100k");

        using var said = await proxy.SendAsync(HttpMethod.Post, "/", new ByteArrayContent(new byte[200_000]));
        using var found = await proxy.SendAsync(HttpMethod.Post, "/", new ByteArrayContent(new byte[200_000]), r => r.Headers.TransferEncodingChunked = true);
        using var fits = await proxy.SendAsync(HttpMethod.Post, "/", new ByteArrayContent(new byte[100_000]), r => r.Headers.TransferEncodingChunked = true);

        Assert.Equal(
            [HttpStatusCode.RequestEntityTooLarge, HttpStatusCode.RequestEntityTooLarge, HttpStatusCode.OK],
            (HttpStatusCode[])[said.StatusCode, found.StatusCode, fits.StatusCode]);
    }

    [Fact]
    public async Task The_endpoint_learns_that_the_client_is_gone()
    {
        var arrived = new TaskCompletionSource();
        var closed = new TaskCompletionSource();
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            arrived.SetResult();
            await peer.ReadToEndAsync();
            closed.SetResult();
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        using (var socket = await proxy.ConnectAsync())
        {
            await using var stream = new NetworkStream(socket);
            await new Peer(stream).WriteAsync("GET / HTTP/1.1\r\nHost: x.io\r\n\r\n");
            await arrived.Task.WaitAsync(Ct);
        }

        await closed.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }

    [Fact]
    public async Task An_https_backend_is_spoken_to_over_tls()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=inner", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        await using var upstream = await EchoUpstream.StartAsync(context => context.Response.WriteAsync(context.Request.Scheme, Ct), certificate);
        await using var proxy = await Proxy.StartAsync([upstream.Port], "backend-protocol: HTTPS");

        Assert.Equal((HttpStatusCode.OK, "https"), await proxy.GetAsync());
        Assert.Equal((HttpStatusCode.OK, "https"), await proxy.GetAsync());
    }

    [Fact]
    public async Task Upstream_vhost_and_forwarded_prefix_are_sent()
    {
        await using var upstream = await EchoUpstream.StartAsync(context => context.Response.WriteAsync(
            $"{context.Request.Host} {context.Request.Headers["X-Forwarded-Host"]} {context.Request.Headers["X-Forwarded-Prefix"]}", Ct));
        await using var proxy = await Proxy.StartAsync([upstream.Port], "upstream-vhost: inner.io", "x-forwarded-prefix: /p", "rewrite-target: /r");

        Assert.Equal((HttpStatusCode.OK, "inner.io x.io /p"), await proxy.GetAsync());
    }

    [Fact]
    public async Task Cors_headers_are_the_proxys_own()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: https://evil.io\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = await Proxy.StartAsync([upstream.Port], "enable-cors: true", "cors-allow-origin: https://a.io", "cors-max-age: 7");

        using var simple = await proxy.SendAsync(HttpMethod.Get, "/", change: r => r.Headers.Add("Origin", "https://a.io"));
        using var preflight = await proxy.SendAsync(HttpMethod.Options, "/", change: r => r.Headers.Add("Origin", "https://a.io"));

        Assert.Equal(["https://a.io"], simple.Headers.GetValues("Access-Control-Allow-Origin"));
        Assert.Equal(HttpStatusCode.NoContent, preflight.StatusCode);
        Assert.Equal(["7"], preflight.Headers.GetValues("Access-Control-Max-Age"));
        Assert.Equal(0, upstream.Connections - 1);
    }

    [Fact]
    public async Task A_redirect_and_a_page_come_from_the_proxy_itself()
    {
        await using var proxy = await Proxy.StartAsync([RawUpstream.ClosedPort()], "force-ssl-redirect: true");

        using var redirect = await proxy.SendAsync(HttpMethod.Get, "/a?b");
        using var missing = await proxy.SendAsync(HttpMethod.Get, "/", change: r => r.Headers.Host = "unknown.io");

        Assert.Equal((308, "https://x.io/a?b"), ((int)redirect.StatusCode, redirect.Headers.Location?.OriginalString));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Contains("<h1>404 Not Found</h1>", await missing.Content.ReadAsStringAsync(Ct), StringComparison.Ordinal);
        Assert.Equal(new MediaTypeHeaderValue("text/html"), missing.Content.Headers.ContentType);
    }
}
