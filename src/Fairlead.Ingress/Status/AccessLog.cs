using System.Globalization;
using System.Text;
using System.Threading.Channels;
using Fairlead.Ingress.Forwarding;

namespace Fairlead.Ingress.Status;

/// <summary>Writes a line for each request, in ingress-nginx's format <c>upstreaminfo</c>.</summary>
/// <remarks>
/// Lines are written by one task of their own; when the output cannot keep up they are dropped rather than kept or waited for.
/// </remarks>
internal sealed class AccessLog(TextWriter output, TimeProvider time)
{
    private const int MostWaiting = 8192;

    private readonly Channel<string> _lines = Channel.CreateBounded<string>(
        new BoundedChannelOptions(MostWaiting) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });

    public void Write(Exchange exchange, TimeSpan duration) => _lines.Writer.TryWrite(Line(exchange, duration, time.GetUtcNow()));

    /// <summary>Writes lines until cancelled, and then those that are still there.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        bool more;
        do
        {
            more = await WaitAsync(ct);
            while (_lines.Reader.TryRead(out var line))
            {
                await output.WriteLineAsync(line);
            }

            await output.FlushAsync(CancellationToken.None);
        }
        while (more);
    }

    private async ValueTask<bool> WaitAsync(CancellationToken ct)
    {
        try
        {
            return await _lines.Reader.WaitToReadAsync(ct);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>
    /// The line: client, time, request, status, bytes, referrer, agent, request length, duration, upstream name, endpoint, its length,
    /// time and status, request id.
    /// </summary>
    internal static string Line(Exchange exchange, TimeSpan duration, DateTimeOffset now)
    {
        var request = exchange.Request;
        var text = new StringBuilder(256);
        text.Append(CultureInfo.InvariantCulture, $"{exchange.Client.Address} - - [{now:dd/MMM/yyyy:HH:mm:ss} +0000] \"");
        Escaped(text, $"{request.Method} {request.RawTarget} {request.Protocol}").Append("\" ");
        text.Append(CultureInfo.InvariantCulture, $"{exchange.LoggedStatus} {exchange.BodyBytesSent} \"");
        Escaped(text, Or(request.Headers.Referer.ToString())).Append("\" \"");
        Escaped(text, Or(request.Headers.UserAgent.ToString())).Append("\" ");
        var upstream = exchange.Upstream?.ToString() ?? "upstream-default-backend";
        text.Append(CultureInfo.InvariantCulture, $"{exchange.BodyBytesReceived} {duration.TotalSeconds:0.000} [{upstream}] [] ");
        if (exchange.Endpoint is null)
        {
            text.Append("- - - - ");
        }
        else
        {
            var took = exchange.UpstreamTime ?? TimeSpan.Zero;
            text.Append(
                CultureInfo.InvariantCulture, $"{exchange.Endpoint} {exchange.BodyBytesSent} {took.TotalSeconds:0.000} {exchange.UpstreamStatus} ");
        }

        return Escaped(text, Or(exchange.RequestId)).ToString();
    }

    private static string Or(string value) => value.Length == 0 ? "-" : value;

    /// <summary>As nginx's default escaping: quotes, backslashes, controls and bytes above ASCII as <c>\xHH</c>.</summary>
    private static StringBuilder Escaped(StringBuilder text, string value)
    {
        foreach (var c in value)
        {
            _ = c is '"' or '\\' or < ' ' or >= '\x7f' ? text.Append(CultureInfo.InvariantCulture, $"\\x{(int)c:X2}") : text.Append(c);
        }

        return text;
    }
}
