using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Microsoft.AspNetCore.Http;

namespace Fairlead.Tests.Ingress;

public sealed class WebSocketTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("ws", 1)]
    [InlineData("wss", 1)]
    [InlineData("wss", 2)]
    public async Task Messages_pass_both_ways(string scheme, int version)
    {
        await using var upstream = await EchoUpstream.StartAsync(EchoAsync);
        await using var proxy = await Proxy.StartAsync([upstream.Port]);
        using var client = new ClientWebSocket();
        client.Options.HttpVersion = new Version(version, version == 1 ? 1 : 0);
        client.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        client.Options.SetRequestHeader("Host", "x.io");
        client.Options.AddSubProtocol("chat");
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, _, _) => true;
        using var invoker = new HttpMessageInvoker(handler);

        await client.ConnectAsync(new Uri($"{scheme}://127.0.0.1:{(scheme == "ws" ? proxy.HttpPort : proxy.HttpsPort)}/socket"), invoker, Ct);
        foreach (var message in (string[])["one", new string('x', 100_000), "three"])
        {
            await client.SendAsync(Encoding.ASCII.GetBytes(message).AsMemory(), WebSocketMessageType.Text, true, Ct);
            Assert.Equal(message, await ReceiveAsync(client));
        }

        Assert.Equal("chat", client.SubProtocol);
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", Ct);
        Assert.Equal(WebSocketState.Closed, client.State);
    }

    [Fact]
    public async Task A_refused_upgrade_is_an_answer_like_any_other()
    {
        using var upstream = RawUpstream.Answering("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        using var response = await proxy.SendAsync(HttpMethod.Get, "/", change: r =>
        {
            r.Headers.Connection.Add("Upgrade");
            r.Headers.Upgrade.Add(new("websocket"));
        });

        Assert.Equal(HttpStatusCode.Forbidden, response.StatusCode);
        Assert.Equal("no", await response.Content.ReadAsStringAsync(Ct));
    }

    [Fact]
    public async Task The_end_of_one_side_is_the_end_of_the_other()
    {
        var clientGone = new TaskCompletionSource();
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nhello");
            await peer.ReadToEndAsync();
            clientGone.SetResult();
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);

        using (var socket = await proxy.ConnectAsync())
        {
            await using var stream = new NetworkStream(socket);
            var peer = new Peer(stream);
            await peer.WriteAsync("GET / HTTP/1.1\r\nHost: x.io\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            Assert.StartsWith("HTTP/1.1 101", await peer.ReadRequestAsync(), StringComparison.Ordinal);
            Assert.Equal("hello", await peer.ReadAsync(5));
        }

        await clientGone.Task.WaitAsync(TimeSpan.FromSeconds(20), Ct);
    }

    [Fact]
    public async Task What_comes_with_a_long_head_is_passed_on_however_much_it_is()
    {
        var early = new string('e', 24 * 1024);
        using var upstream = new RawUpstream(async peer =>
        {
            await peer.ReadRequestAsync();
            await peer.WriteAsync($"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nX-Long: {new string('h', 36 * 1024)}\r\n\r\n{early}");
            await peer.ReadToEndAsync();
        });
        await using var proxy = await Proxy.StartAsync([upstream.Port]);
        using var socket = await proxy.ConnectAsync();
        await using var stream = new NetworkStream(socket);
        var peer = new Peer(stream);

        await peer.WriteAsync("GET / HTTP/1.1\r\nHost: x.io\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 101", await peer.ReadRequestAsync().WaitAsync(TimeSpan.FromSeconds(20), Ct), StringComparison.Ordinal);
        Assert.Equal(early, await peer.ReadAsync(early.Length).WaitAsync(TimeSpan.FromSeconds(20), Ct));
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync("chat");
        var buffer = new byte[8192];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(), Ct);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, Ct);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, Ct);
        }
    }

    private static async Task<string> ReceiveAsync(ClientWebSocket client)
    {
        var text = new StringBuilder();
        var buffer = new byte[8192];
        while (true)
        {
            var received = await client.ReceiveAsync(buffer.AsMemory(), Ct);
            text.Append(Encoding.ASCII.GetString(buffer, 0, received.Count));
            if (received.EndOfMessage)
            {
                return text.ToString();
            }
        }
    }
}
