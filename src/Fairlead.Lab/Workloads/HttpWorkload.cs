using System.Globalization;
using System.Net.WebSockets;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Lab.Workloads;

/// <summary>The HTTP server behind <c>fairlead/http</c>: echoes requests, or answers a text, or serves files.</summary>
/// <remarks>
/// Its end has two steps, so that a Service fails no request while its endpoints are withdrawn: asked to end, it goes on answering new
/// connections and asks clients to close kept ones, for the drain time; only then it stops listening and lets running requests end.
/// </remarks>
internal sealed class HttpWorkload : IAsyncDisposable
{
    private readonly HttpWorkloadOptions _options;
    private readonly TimeProvider _time;
    private readonly WebApplication _application;
    private volatile bool _draining;

    public HttpWorkload(HttpWorkloadOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton<ILoggerFactory>(NullLoggerFactory.Instance);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.ListenAnyIP(options.Port);
        });
        _application = builder.Build();
        _application.UseWebSockets();
        _application.Run(AnswerAsync);
    }

    /// <summary>The port it listens on, once started.</summary>
    public int Port => new Uri(
        _application.Services.GetRequiredService<IServer>().Features.GetRequiredFeature<IServerAddressesFeature>().Addresses.First()).Port;

    /// <summary>Serves until cancelled, and through the drain that follows.</summary>
    /// <param name="started">Told once requests are answered.</param>
    public async Task RunAsync(Action<HttpWorkload> started, CancellationToken ct)
    {
        await _application.StartAsync(CancellationToken.None);
        started(this);
        await Task.Delay(Timeout.InfiniteTimeSpan, _time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _draining = true;
        await Task.Delay(_options.Drain, _time, CancellationToken.None);
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20), _time);
        await _application.StopAsync(limit.Token);
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "/";
        context.Response.Headers["X-Pod"] = _options.Pod;
        if (_draining && context.Request.Protocol == "HTTP/1.1")
        {
            context.Response.Headers.Connection = "close";
        }

        return path switch
        {
            "/healthz" => TextAsync(context, 200, "ok\n"),
            "/readyz" => TextAsync(context, _draining ? 503 : 200, _draining ? "draining\n" : "ok\n"),
            "/ws" when context.WebSockets.IsWebSocketRequest => EchoSocketAsync(context),
            _ when _options is { Text: { } text, Status: { } status } => TextAsync(context, status, text + "\n"),
            _ when _options.Text is { } text
                => path == "/" ? TextAsync(context, 200, text + "\n") : TextAsync(context, 404, $"404: {path} is not here, only /\n"),
            _ when _options.Root is { } root => FileAsync(context, root, path),
            _ => EchoAsync(context, path),
        };
    }

    private Task EchoAsync(HttpContext context, string path)
        => path.Split('/', StringSplitOptions.RemoveEmptyEntries) switch
        {
            ["status", var text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var status)
                && status is >= 200 and <= 599
                => TextAsync(context, status, status is 204 or 304 ? "" : $"{status}\n"),
            ["delay", var text] when int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
                && milliseconds <= 600_000
                => DelayAsync(context, milliseconds),
            ["bytes", var text] when long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var length)
                => BytesAsync(context, length),
            _ => EchoPage.WriteAsync(context, _options),
        };

    private static async Task TextAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        if (text.Length > 0)
        {
            context.Response.ContentType = "text/plain; charset=utf-8";
            context.Response.ContentLength = System.Text.Encoding.UTF8.GetByteCount(text);
            if (!HttpMethods.IsHead(context.Request.Method))
            {
                await context.Response.WriteAsync(text, context.RequestAborted);
            }
        }
    }

    private async Task DelayAsync(HttpContext context, int milliseconds)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), _time, context.RequestAborted);
        await EchoPage.WriteAsync(context, _options);
    }

    private static async Task BytesAsync(HttpContext context, long length)
    {
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = length;
        for (var left = length; left > 0;)
        {
            var memory = context.Response.BodyWriter.GetMemory(4096);
            var piece = (int)Math.Min(left, memory.Length);
            memory.Span[..piece].Fill((byte)'x');
            context.Response.BodyWriter.Advance(piece);
            left -= piece;
            if ((await context.Response.BodyWriter.FlushAsync(context.RequestAborted)).IsCompleted)
            {
                return;
            }
        }
    }

    private static async Task FileAsync(HttpContext context, string root, string path)
    {
        var top = Path.GetFullPath(root);
        var file = Path.GetFullPath(Path.Join(top, path.EndsWith('/') ? path + "index.html" : path));
        if (!file.StartsWith(top.EndsWith('/') ? top : top + "/", StringComparison.Ordinal) || !File.Exists(file))
        {
            await TextAsync(context, 404, $"404: there is no file {path}\n");
            return;
        }

        context.Response.ContentType = Path.GetExtension(file) switch
        {
            ".html" => "text/html; charset=utf-8",
            ".css" => "text/css",
            ".js" => "text/javascript",
            ".json" => "application/json",
            ".png" => "image/png",
            ".svg" => "image/svg+xml",
            ".txt" or ".md" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        };
        context.Response.ContentLength = new FileInfo(file).Length;
        await context.Response.SendFileAsync(file, context.RequestAborted);
    }

    private static async Task EchoSocketAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync();
        var buffer = new byte[4096];
        while (true)
        {
            var received = await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
                return;
            }

            await socket.SendAsync(buffer.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, context.RequestAborted);
        }
    }
}
