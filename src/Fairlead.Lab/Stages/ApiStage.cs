using System.Globalization;
using System.Net;
using Fairlead.ApiServer;
using Fairlead.ApiServer.Controllers;
using Fairlead.ApiServer.Pods;
using Fairlead.Kube.Client;
using Fairlead.Lab.Nodes;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Stages;

/// <summary>The API server and the controllers, in the lab's own process.</summary>
internal sealed class ApiStage(LabOptions options, LabPaths paths, int port, UnderlayPlan underlay, IPodStreams streams, TimeProvider time, ILoggerFactory logging)
    : ILabStage
{
    private readonly CancellationTokenSource _stopping = new();
    private ApiServerHost? _server;
    private KubeClient? _client;
    private Task _controllers = Task.CompletedTask;

    public string Name => "API server and controllers";

    /// <summary>The lab's own client, over the Unix socket.</summary>
    public KubeClient Client => _client ?? throw new InvalidOperationException("the API server has not been started");

    public ApiServerHost Server => _server ?? throw new InvalidOperationException("the API server has not been started");

    public Task Running => _controllers;

    public async Task StartAsync(CancellationToken ct)
    {
        File.Delete(paths.ApiSocket);   // of a lab that was killed
        var services = IPNetwork.Parse(options.ServiceCidr);
        _server = await ApiServerHost.StartAsync(
            new ApiServerOptions
            {
                Listen = [new IPEndPoint(IPAddress.Loopback, port), new IPEndPoint(underlay.HostAddress, port)],
                Advertise = new IPEndPoint(underlay.HostAddress, port),
                UnixSocket = paths.ApiSocket,
                StorePath = options.Store switch { null => paths.Store, "memory" => null, var path => path },
                PkiFolder = paths.Pki,
                ServiceCidr = services,
                PodStreams = streams,
                Time = time,
                Logging = logging,
            },
            ct);
        _client = new KubeClient(KubeConfig.UnixSocket(paths.ApiSocket), time);
        WriteKubeConfig(paths.KubeConfig, IPAddress.Loopback, "kubernetes-admin", "system:masters");
        foreach (var node in underlay.Nodes)
        {
            WriteKubeConfig(paths.NodeKubeConfig(node.Name), underlay.HostAddress, $"system:node:{node.Name}", "system:nodes");
        }

        var controllers = new ControllerHost(
            _client,
            new ControllerOptions { ClusterCidrs = [IPNetwork.Parse(options.PodCidr)], RootCertificatePem = _server.Pki.AuthorityPem },
            time,
            logging);
        _controllers = controllers.RunAsync(_stopping.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _controllers.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        _client?.Dispose();
        if (_server is not null)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
            await _server.StopAsync(patience.Token);
            await _server.DisposeAsync();
        }

        File.Delete(paths.ApiSocket);
        _stopping.Dispose();
    }

    private void WriteKubeConfig(string file, IPAddress address, string user, string group)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var server = new Uri(string.Create(CultureInfo.InvariantCulture, $"https://{address}:{port}"));
        Server.Pki.WriteKubeconfig(file, $"fairlead-{options.Name}", server, user, group);
    }
}
