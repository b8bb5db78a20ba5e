using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Fairlead.Core.Routing;
using Fairlead.Ingress.Forwarding;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Microsoft.Extensions.Logging.Abstractions;
using Cluster = Fairlead.Tests.Routing.Cluster;

namespace Fairlead.Tests.Ingress;

/// <summary>A running data path on loopback whose host <c>x.io</c> leads to given ports.</summary>
internal sealed class Proxy : IAsyncDisposable
{
    private readonly IngressServer _server;
    private readonly HttpClient _client;

    private Proxy(IngressServer server, Snapshot<RouteTable> routes)
    {
        (_server, Routes) = (server, routes);
        _client = NewClient();
    }

    public Snapshot<RouteTable> Routes { get; }

    public IngressServer Server => _server;

    public int HttpPort => _server.Addresses[0].Port;

    public int HttpsPort => _server.Addresses[1].Port;

    public int StatusPort => _server.Addresses[2].Port;

    /// <summary>Starts a data path.</summary>
    /// <param name="ports">The endpoints of the one Service.</param>
    /// <param name="annotations">Annotations of the one Ingress.</param>
    public static Task<Proxy> StartAsync(int[] ports, params string[] annotations) => StartAsync(TimeProvider.System, ports, annotations);

    public static async Task<Proxy> StartAsync(TimeProvider time, int[] ports, params string[] annotations)
        => await StartAsync(Table(ports, annotations), time);

    public static async Task<Proxy> StartAsync(RouteTable table, TimeProvider? time = null, TextWriter? accessLog = null)
    {
        var routes = new Snapshot<RouteTable>(table);
        var options = new IngressServerOptions { Address = IPAddress.Loopback, HttpPort = 0, HttpsPort = 0, StatusAddress = IPAddress.Loopback, StatusPort = 0 };
        var server = new IngressServer(routes, options, time ?? TimeProvider.System, NullLoggerFactory.Instance, accessLog);
        await server.StartAsync(TestContext.Current.CancellationToken);
        return new Proxy(server, routes);
    }

    public static RouteTable Table(int[] ports, params string[] annotations)
        => Endpoints(Cluster.With(Cluster.Rules("store", "x.io/ web:80", annotations)), "web", ports).Compile();

    /// <summary>Gives a Service one endpoint for each port of this machine.</summary>
    public static Cluster Endpoints(Cluster cluster, string service, params int[] ports)
    {
        cluster.WithEndpoints(service);
        foreach (var port in ports)
        {
            cluster.Add($"""
                apiVersion: discovery.k8s.io/v1
                kind: EndpointSlice
                metadata: {"{"}name: {service}-{port}, namespace: default, labels: {"{"}kubernetes.io/service-name: {service}{"}}"}
                addressType: IPv4
                ports: [{"{"}name: http, port: {port}{"}"}]
                endpoints: [{"{"}addresses: [127.0.0.1]{"}"}]
                """);
        }

        return cluster;
    }

    /// <summary>Sends a request for x.io by the client that keeps its connections.</summary>
    public Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content = null, Action<HttpRequestMessage>? change = null)
    {
        var request = new HttpRequestMessage(method, $"http://127.0.0.1:{HttpPort}{path}") { Content = content, Headers = { Host = "x.io" } };
        change?.Invoke(request);
        return _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
    }

    public async Task<(HttpStatusCode Status, string Body)> GetAsync(string path = "/")
    {
        using var response = await SendAsync(HttpMethod.Get, path);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Sends bytes on a connection of their own and reads to its end.</summary>
    public async Task<string> RawAsync(string request)
    {
        using var socket = await ConnectAsync();
        await using var stream = new NetworkStream(socket);
        var peer = new Peer(stream);
        await peer.WriteAsync(request);
        return await peer.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, HttpPort, TestContext.Current.CancellationToken);
        return socket;
    }

    /// <summary>A client that takes any certificate and follows no redirect.</summary>
    public static HttpClient NewClient(Action<X509Certificate2>? sees = null)
    {
        var handler = new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, _) =>
        {
            sees?.Invoke((X509Certificate2)certificate!);
            return true;
        };
        return new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(30) };
    }

    /// <summary>A TLS Secret for a name.</summary>
    public static string TlsSecret(string name, string host)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={host}", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return $"""
            apiVersion: v1
            kind: Secret
            type: kubernetes.io/tls
            metadata: {"{"}name: {name}, namespace: default{"}"}
            data:
              tls.crt: {Convert.ToBase64String(Encoding.ASCII.GetBytes(certificate.ExportCertificatePem()))}
              tls.key: {Convert.ToBase64String(Encoding.ASCII.GetBytes(key.ExportPkcs8PrivateKeyPem()))}
            """;
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        using var now = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await _server.StopAsync(now.Token);
        await _server.DisposeAsync();
    }
}
