namespace Fairlead.Tests.Ingress;

/// <summary>Requests that two readers could cut at different places. None may reach an endpoint as anything but one whole request.</summary>
public sealed class SmugglingTests
{
    public static TheoryData<string, string> Refused => new()
    {
        { "both framings", "POST / HTTP/1.1\r\nHost: x.io\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "both framings, the other way", "POST / HTTP/1.1\r\nHost: x.io\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "two lengths", "POST / HTTP/1.1\r\nHost: x.io\r\nContent-Length: 0\r\nContent-Length: 36\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "a list of lengths", "POST / HTTP/1.1\r\nHost: x.io\r\nContent-Length: 0, 36\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "an encoding that is nearly chunked", "POST / HTTP/1.1\r\nHost: x.io\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "chunked twice", "POST / HTTP/1.1\r\nHost: x.io\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "a space before the colon", "POST / HTTP/1.1\r\nHost: x.io\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "a folded line", "POST / HTTP/1.1\r\nHost: x.io\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "a chunk size that is no number", "POST / HTTP/1.1\r\nHost: x.io\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "a chunk longer than its size", "POST / HTTP/1.1\r\nHost: x.io\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "two hosts", "GET / HTTP/1.1\r\nHost: x.io\r\nHost: y.io\r\n\r\n" },
        { "no host", "GET / HTTP/1.1\r\n\r\n" },
        { "a target that contradicts the host", "GET http://y.io/evil HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "a NUL in a value", "GET / HTTP/1.1\r\nHost: x.io\r\nX-A: \0\r\n\r\n" },
        { "a carriage return in a value", "GET / HTTP/1.1\r\nHost: x.io\r\nX-A: a\rGET /evil HTTP/1.1\r\n\r\n" },
        { "a target above the root", "GET /../evil HTTP/1.1\r\nHost: x.io\r\nConnection: close\r\n\r\n" },
        { "an encoded NUL in the target", "GET /%00 HTTP/1.1\r\nHost: x.io\r\n\r\n" },
        { "a method with a bracket", "GET[ / HTTP/1.1\r\nHost: x.io\r\n\r\n" },
    };

    [Theory, MemberData(nameof(Refused))]
    public async Task Is_refused(string because, string request)
    {
        var seen = new List<string>();
        using var upstream = new RawUpstream(async peer =>
        {
            while (await peer.ReadRequestAsync() is { } head)
            {
                lock (seen)
                {
                    seen.Add(head);
                }

                await peer.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        var answer = await proxy.RawAsync(request);

        Assert.True(answer.StartsWith("HTTP/1.1 4", StringComparison.Ordinal), $"{because}: {answer}");
        Assert.DoesNotContain(seen, s => s.Contains("evil", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("h2c", "Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n")]
    public async Task An_upgrade_that_would_hide_requests_is_not_passed_on(string protocol, string connection, string more)
    {
        using var upstream = new RawUpstream(async peer =>
        {
            var head = await peer.ReadRequestAsync();
            await peer.WriteAsync($"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{(head!.Contains("pgrade", StringComparison.Ordinal) ? "Y" : "N")}");
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        var answer = await proxy.RawAsync($"GET / HTTP/1.0\r\nHost: x.io\r\nUpgrade: {protocol}\r\nConnection: {connection}\r\n{more}\r\n");

        Assert.EndsWith("N", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_requests_in_one_write_are_two_requests()
    {
        var count = 0;
        using var upstream = new RawUpstream(async peer =>
        {
            while (await peer.ReadRequestAsync() is not null)
            {
                Interlocked.Increment(ref count);
                await peer.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            }
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        await proxy.RawAsync("GET /1 HTTP/1.1\r\nHost: x.io\r\n\r\nGET /2 HTTP/1.1\r\nHost: x.io\r\nConnection: close\r\n\r\n");

        Assert.Equal(2, count);
    }
}
