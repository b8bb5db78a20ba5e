using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.ApiServer;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Pods;

namespace Fairlead.Tests.ApiServer;

/// <summary>An API server of one test class: on a loopback port of its own and a Unix socket, gone with the class.</summary>
public sealed class TestServer : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fairlead-apiserver-").FullName;
    private ApiServerHost? _host;
    private HttpClient? _client;

    public ApiServerHost Host => _host!;

    public string Folder => _folder;

    public string KubeconfigPath => Path.Combine(_folder, "kubeconfig");

    public async ValueTask InitializeAsync()
    {
        _host = await ApiServerHost.StartAsync(new ApiServerOptions
        {
            Listen = [new IPEndPoint(IPAddress.Loopback, 0)],
            UnixSocket = Path.Combine(_folder, "api.sock"),
            PkiFolder = Path.Combine(_folder, "pki"),
            PodStreams = new EchoLogs(),
        }, CancellationToken.None);
        _host.Pki.WriteKubeconfig(KubeconfigPath, "test", new Uri($"https://{_host.Endpoints[0]}"), "kubernetes-admin", "system:masters");
        _client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, ct) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(_host.UnixSocket!), ct);
                return new NetworkStream(socket, ownsSocket: true);
            },
        }) { BaseAddress = new Uri("http://localhost"), Timeout = TimeSpan.FromSeconds(60) };
    }

    public async ValueTask DisposeAsync()
    {
        _client?.Dispose();
        if (_host is not null)
        {
            await _host.DisposeAsync();
        }

        Directory.Delete(_folder, recursive: true);
    }

    public Task<(int Code, JsonNode? Body)> SendAsync(HttpMethod method, string path, string? body = null, string type = "application/json", string? accept = null)
        => SendAsync(method, path, body is null ? null : Encoding.UTF8.GetBytes(body), type, accept);

    public async Task<(int Code, JsonNode? Body)> SendAsync(HttpMethod method, string path, byte[]? body, string type, string? accept = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using var response = await _client!.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, text.StartsWith('{') ? JsonNode.Parse(text) : JsonValue.Create(text));
    }

    /// <summary>Sends as somebody else, by impersonation, which the socket's user may do.</summary>
    public async Task<(int Code, JsonNode? Body)> SendAsAsync(string user, HttpMethod method, string path, string? body = null, string type = "application/json", string? group = null)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Add("Impersonate-User", user);
        if (group is not null)
        {
            request.Headers.Add("Impersonate-Group", group);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        using var response = await _client!.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return ((int)response.StatusCode, text.StartsWith('{') ? JsonNode.Parse(text) : JsonValue.Create(text));
    }

    public Task<Stream> OpenAsync(string path) => _client!.GetStreamAsync(new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);

    public async Task<JsonNode> CreateAsync(string path, string body)
    {
        var (code, answer) = await SendAsync(HttpMethod.Post, path, body);
        Assert.True(code == 201, $"{code}: {answer.Text("message")}");
        return answer!;
    }

    /// <summary>Runs the stock kubectl. <c>out</c> holds what it prints, on both channels.</summary>
    public async Task<(int Exit, string Out)> KubectlAsync(string arguments, string? input = null, string? kubeconfig = null)
    {
        var start = new ProcessStartInfo("kubectl", $"--kubeconfig {kubeconfig ?? KubeconfigPath} --cache-dir {Path.Combine(_folder, "cache")} {arguments}")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["HOME"] = _folder;
        using var process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await error);
    }

    /// <summary>Runs kubectl and expects it to succeed.</summary>
    public async Task<string> KubectlOkAsync(string arguments, string? input = null)
    {
        var (exit, output) = await KubectlAsync(arguments, input);
        Assert.True(exit == 0, $"kubectl {arguments}: {output}");
        return output;
    }

    private sealed class EchoLogs : IPodStreams
    {
        public Task<PodLogResult> OpenLogAsync(string @namespace, string pod, string container, PodLogOptions options, CancellationToken ct)
            => Task.FromResult(container == "waiting"
                ? PodLogResult.Refused(400, "BadRequest", $"container \"{container}\" in pod \"{pod}\" is waiting to start: ContainerCreating")
                : PodLogResult.Opened(new MemoryStream(Encoding.UTF8.GetBytes($"log of {@namespace}/{pod}/{container} tail={options.TailLines} previous={options.Previous} follow={options.Follow}\n"))));
    }
}
