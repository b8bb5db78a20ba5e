using System.Net;
using System.Text;
using Fairlead.Dns;
using Fairlead.Dns.Wire;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Dns;

/// <summary>The way from an API server's watch to an answer.</summary>
public sealed class ClusterWatchTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_Service_that_is_made_has_a_name_and_one_that_is_deleted_has_none()
    {
        await using var api = new FakeApi();
        api.Lists["/api/v1/services"] = [ClusterObjects.ClusterIP("default", "kubernetes", ["10.96.0.1"], ("https", "TCP", 443))];
        api.Lists["/apis/discovery.k8s.io/v1/endpointslices"] = [];
        api.Lists["/api/v1/namespaces"] = [ClusterObjects.Ns("default"), ClusterObjects.Ns("shop")];
        await using var server = await RunningServer.StartAsync(". {\n kubernetes cluster.local\n}\n", new() { Cluster = () => new KubeClient(new KubeConfig { Server = api.Url }) });

        // The start waited for the first list.
        Assert.Equal("10.96.0.1", Assert.Single((await server.AskAsync("kubernetes.default.svc.cluster.local")).Answers).FormatData());
        Assert.Equal(ResponseCode.NameError, (await server.AskAsync("web.shop.svc.cluster.local")).Code);

        var service = ClusterObjects.Headless("shop", "web", ("http", "TCP", 80));
        await api.SendAsync("/api/v1/services", "ADDED", service, Ct);
        await api.SendAsync("/apis/discovery.k8s.io/v1/endpointslices", "ADDED", ClusterObjects.Slice("shop", "web", "web-1", [("http", "TCP", 80)], ClusterObjects.At("10.32.0.5")), Ct);
        await UntilAsync(server, reply => reply.Answers.Any(r => r.FormatData() == "10.32.0.5"));
        await api.SendAsync("/api/v1/services", "DELETED", service, Ct);
        await UntilAsync(server, reply => reply.Code == ResponseCode.NameError);
    }

    private static async Task UntilAsync(RunningServer server, Func<DnsMessage, bool> condition)
    {
        while (!condition(await server.AskAsync("web.shop.svc.cluster.local")))
        {
            Ct.ThrowIfCancellationRequested();
        }
    }

    /// <summary>As much of an API server as an informer needs: a list, and a watch that says what a test tells it to.</summary>
    private sealed class FakeApi : IAsyncDisposable
    {
        private readonly HttpListener _listener = new();
        private readonly Dictionary<string, TaskCompletionSource<HttpListenerResponse>> _watches = [];
        private readonly Task _serving;
        private int _version = 100;

        public FakeApi()
        {
            Url = new Uri($"http://127.0.0.1:{FreePort.Next()}");
            _listener.Prefixes.Add($"{Url}");
            _listener.Start();
            _serving = ServeAsync();
        }

        public Uri Url { get; }

        public Dictionary<string, IKubeObject[]> Lists { get; } = [];

        public async Task SendAsync<T>(string path, string type, T item, CancellationToken ct)
            where T : IKubeObject
        {
            var response = await Watch(path).Task.WaitAsync(ct);
            var line = $$"""{"type":"{{type}}","object":{{Json(item, ++_version)}}}""" + "\n";
            await response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(line), ct);
            await response.OutputStream.FlushAsync(ct);
        }

        public async ValueTask DisposeAsync()
        {
            _listener.Close();
            await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        private async Task ServeAsync()
        {
            while (true)
            {
                var context = await _listener.GetContextAsync();
                var path = context.Request.Url!.AbsolutePath;
                context.Response.ContentType = "application/json";
                if (context.Request.QueryString["watch"] is not null)
                {
                    context.Response.SendChunked = true;
                    await context.Response.OutputStream.FlushAsync();
                    Watch(path).TrySetResult(context.Response);
                    continue;
                }

                var items = string.Join(',', Lists[path].Select((item, i) => Json(item, i + 1)));
                await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes($$"""{"kind":"List","metadata":{"resourceVersion":"100"},"items":[{{items}}]}"""));
                context.Response.Close();
            }
        }

        private TaskCompletionSource<HttpListenerResponse> Watch(string path)
        {
            lock (_watches)
            {
                return _watches.TryGetValue(path, out var watch) ? watch : _watches[path] = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        private static string Json(IKubeObject item, int version) => item switch
        {
            Service s => KubeJson.Serialize(s with { Metadata = s.Metadata with { ResourceVersion = $"{version}" } }),
            EndpointSlice s => KubeJson.Serialize(s with { Metadata = s.Metadata with { ResourceVersion = $"{version}" } }),
            Namespace n => KubeJson.Serialize(n with { Metadata = n.Metadata with { ResourceVersion = $"{version}" } }),
            _ => throw new ArgumentOutOfRangeException(nameof(item)),
        };
    }
}
