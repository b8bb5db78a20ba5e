using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Fairlead.EndToEnd.Clients.Cri;

/// <summary>Speaks the runtime's side of CRI v1 with containerd, as a kubelet does: gRPC, which is HTTP/2, on a Unix socket.</summary>
internal sealed class CriClient : IDisposable
{
    private const int PrefixLength = 5;
    private readonly HttpClient _http;

    public CriClient(string socketPath)
    {
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        {
            BaseAddress = new Uri("http://localhost"),
            Timeout = TimeSpan.FromSeconds(60),
        };
    }

    /// <summary>Makes a sandbox and gives its id.</summary>
    public async Task<string> RunPodSandboxAsync(PodSandbox pod, CancellationToken ct)
        => (await CallAsync("RunPodSandbox", new ProtobufWriter().Message(1, pod.ToMessage()), ct)).Text(1);

    /// <summary>The sandbox's addresses, the first first.</summary>
    public async Task<IReadOnlyList<string>> AddressesAsync(string id, CancellationToken ct)
    {
        var network = (await CallAsync("PodSandboxStatus", new ProtobufWriter().Text(1, id), ct)).Message(1).Message(5);
        return [.. new[] { network.Text(1) }.Concat(network.Messages(2).Select(m => m.Text(1))).Where(a => a.Length > 0)];
    }

    public async Task<bool> IsReadyAsync(string id, CancellationToken ct)
        => (await CallAsync("PodSandboxStatus", new ProtobufWriter().Text(1, id), ct)).Message(1).Number(3) == 0;

    public Task StopPodSandboxAsync(string id, CancellationToken ct) => CallAsync("StopPodSandbox", new ProtobufWriter().Text(1, id), ct);

    public Task RemovePodSandboxAsync(string id, CancellationToken ct) => CallAsync("RemovePodSandbox", new ProtobufWriter().Text(1, id), ct);

    /// <summary>What the runtime says of itself: a condition's name, and why it does not hold, or nothing.</summary>
    public async Task<IReadOnlyDictionary<string, string>> ConditionsAsync(CancellationToken ct)
        => (await CallAsync("Status", new ProtobufWriter(), ct)).Message(1).Messages(1)
            .ToDictionary(c => c.Text(1), c => c.Number(2) == 1 ? "" : c.Text(4), StringComparer.Ordinal);

    public void Dispose() => _http.Dispose();

    private async Task<ProtobufMessage> CallAsync(string method, ProtobufWriter message, CancellationToken ct)
    {
        var body = message.ToArray();
        var framed = new byte[PrefixLength + body.Length];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), body.Length);
        body.CopyTo(framed.AsSpan(PrefixLength));
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/runtime.v1.RuntimeService/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(framed) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
        };
        request.Headers.Add("te", "trailers");
        using var response = await _http.SendAsync(request, ct);
        var answer = await response.Content.ReadAsByteArrayAsync(ct);
        var status = Find(response, "grpc-status");
        return status == "0"
            ? new ProtobufMessage(answer.AsSpan(PrefixLength))
            : throw new IOException($"{method}: status {status}: {Uri.UnescapeDataString(Find(response, "grpc-message") ?? "")}");
    }

    /// <summary>A call that fails at once has its trailers in place of the headers.</summary>
    private static string? Find(HttpResponseMessage response, string name)
        => response.TrailingHeaders.TryGetValues(name, out var last) || response.Headers.TryGetValues(name, out last) ? last.First() : null;
}
