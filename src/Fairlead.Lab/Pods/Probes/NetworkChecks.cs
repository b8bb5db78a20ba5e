using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Kube.Objects;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Lab.Pods.Probes;

/// <summary>httpGet and tcpSocket checks, made from the node's network as kubelet makes them.</summary>
internal sealed class NetworkChecks : IDisposable
{
    private const int LongestOutput = 1024;

    private readonly NetworkNamespace _node;
    private readonly HttpClient _http;

    [SuppressMessage("Security", "CA5359", Justification = "a probe asks whether a container answers; kubelet does not verify certificates either")]
    public NetworkChecks(NetworkNamespace node)
    {
        _node = node;
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            // Each check opens a connection: a pooled one would tell nothing about whether the container still accepts.
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectTimeout = TimeSpan.FromSeconds(30),
            ConnectCallback = async (context, ct) =>
                new NetworkStream(await DialAsync(IPAddress.Parse(context.DnsEndPoint.Host), context.DnsEndPoint.Port, ct), ownsSocket: true),
            SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public ProbeCheck Http(HttpGetAction action, Container container, string podIP)
        => async ct =>
        {
            using var request = Request(action, container, podIP);
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
            var code = (int)response.StatusCode;
            return code is >= 200 and < 400
                ? new ProbeResult(true, "")
                : new ProbeResult(false, string.Create(CultureInfo.InvariantCulture, $"HTTP probe failed with statuscode: {code}"));
        };

    public ProbeCheck Tcp(TcpSocketAction action, Container container, string podIP)
        => async ct =>
        {
            using var socket = await DialAsync(Address(action.Host, podIP), Port(action.Port, container), ct);
            return new ProbeResult(true, "");
        };

    /// <summary>Sends a lifecycle hook's request; the answer does not matter beyond its status.</summary>
    public async Task SendAsync(HttpGetAction action, Container container, string podIP, CancellationToken ct)
    {
        using var request = Request(action, container, podIP);
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        _ = response.EnsureSuccessStatusCode();
    }

    public void Dispose() => _http.Dispose();

    internal static string Shorten(string output) => output.Length <= LongestOutput ? output : output[..LongestOutput];

    private static HttpRequestMessage Request(HttpGetAction action, Container container, string podIP)
    {
        var path = string.IsNullOrEmpty(action.Path) ? "/" : action.Path[0] == '/' ? action.Path : '/' + action.Path;
        var address = Address(action.Host, podIP);
        var host = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" : address.ToString();
        var uri = new Uri($"{(action.Scheme ?? "HTTP").ToLowerInvariant()}://{host}:{Port(action.Port, container).ToString(CultureInfo.InvariantCulture)}{path}");
        var request = new HttpRequestMessage(HttpMethod.Get, uri);
        request.Headers.ConnectionClose = true;
        _ = request.Headers.TryAddWithoutValidation("User-Agent", "kube-probe/1.34");
        _ = request.Headers.TryAddWithoutValidation("Accept", "*/*");
        foreach (var header in action.HttpHeaders)
        {
            _ = request.Headers.Remove(header.Name);
            _ = request.Headers.TryAddWithoutValidation(header.Name, header.Value);
        }

        return request;
    }

    private static IPAddress Address(string? host, string podIP)
        => IPAddress.TryParse(string.IsNullOrEmpty(host) ? podIP : host, out var address)
            ? address
            : throw new InvalidOperationException($"the lab's probes take an address as host, not '{host}'");

    private static int Port(IntOrString port, Container container)
        => port.IsNumber ? port.Number
            : container.Ports.FirstOrDefault(p => p.Name == port.Text) is { } named ? named.Port
            : int.TryParse(port.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
            : throw new InvalidOperationException($"couldn't find port: {port.Text}");

    private async Task<Socket> DialAsync(IPAddress address, int port, CancellationToken ct)
    {
        // The socket belongs to the node's namespace for good, whichever thread goes on with it.
        var socket = _node.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        try
        {
            await socket.ConnectAsync(address, port, ct);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
