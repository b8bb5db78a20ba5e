using System.Net;
using System.Net.Sockets;
using Fairlead.Core.Telemetry;
using Fairlead.Ingress.Controller;
using Fairlead.Ingress.Forwarding;
using Fairlead.Ingress.Status;
using Fairlead.Kube.Client;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;

namespace Fairlead.Ingress;

/// <summary>The ingress controller: <c>fairlead ingress</c>, and <c>nginx-ingress-controller</c> when started under that name.</summary>
public static partial class IngressRole
{
    private const int Failed = 1;
    private const int WrongUsage = 2;

    /// <summary>Runs the controller by its command line until the token says that it is to end, and returns its exit code.</summary>
    /// <param name="args">ingress-nginx's flags.</param>
    /// <param name="output">Takes the access log.</param>
    /// <param name="error">Takes what is wrong with the command line.</param>
    public static async Task<int> MainAsync(IReadOnlyList<string> args, TextWriter output, TextWriter error, ILoggerFactory loggers,
        CancellationToken ct)
    {
        if (args.Any(a => a is "--help" or "-h"))
        {
            await output.WriteLineAsync("fairlead ingress: the ingress controller. Flags, as ingress-nginx has them:");
            foreach (var (name, note) in IngressFlags.Help)
            {
                await output.WriteLineAsync($"  {name,-34} {note}");
            }

            return 0;
        }

        try
        {
            var options = IngressFlags.Parse(args, Environment.GetEnvironmentVariable, out var warnings);
            foreach (var warning in warnings)
            {
                await error.WriteLineAsync($"fairlead ingress: {warning}");
            }

            await RunAsync(options with { AccessLog = output }, loggers, ct);
            return 0;
        }
        catch (FormatException e)
        {
            await error.WriteLineAsync($"fairlead ingress: {e.Message}; see fairlead ingress --help");
            return WrongUsage;
        }
        catch (Exception e) when (e is KubeConfigException or IOException)
        {
            await error.WriteLineAsync($"fairlead ingress: {e.Message}");
            return Failed;
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return 0;
        }
    }

    /// <summary>Runs the controller until the token says that it is to end; returns when running requests have ended.</summary>
    public static async Task RunAsync(IngressOptions options, ILoggerFactory loggers, CancellationToken ct)
    {
        var time = TimeProvider.System;
        var logger = loggers.CreateLogger("Fairlead.Ingress");
        using var client = new KubeClient(KubeConfig.Resolve(options.Kubeconfig), time);
        var source = new RouteSource(client, options, time, logger);
        await using var server = new IngressServer(source.Routes, ServerOptions(options), time, loggers, options.AccessLog);
        await StartAsync(server, ct);

        // Routes are followed until the last request has ended; what only the leader does ends with the token.
        using var routing = new CancellationTokenSource();
        using var leading = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var leader = new Leader(client, options, source, server.Certificates, time, logger);
        using var metrics = new ControllerMetrics(source.Routes, server.Certificates, leader.State, options.ElectionId);
        Task[] parts = [source.RunAsync(routing.Token), server.BecomeReadyAsync(source.Routes, routing.Token),
            leader.RunAsync(leading.Token)];

        // A part that breaks ends the controller: better a restart than one that serves old routes and seems well.
        await Task.WhenAny([Task.Delay(Timeout.InfiniteTimeSpan, time, ct), .. parts.Select(FailedAsync)]);
        server.Status.IsReady = false;
        await leading.CancelAsync();
        if (ct.IsCancellationRequested)
        {
            LogEnding(logger, options.ShutdownGrace.TotalSeconds);
            await Task.Delay(options.ShutdownGrace, time, CancellationToken.None);
        }

        using var limit = new CancellationTokenSource(options.DrainTimeout, time);
        await server.StopAsync(limit.Token);
        await routing.CancelAsync();
        await Task.WhenAll(parts).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(parts.Where(p => p.IsFaulted));
    }

    /// <summary>Completes when the part fails, and never otherwise: some parts end early and well.</summary>
    private static Task FailedAsync(Task part)
    {
        var failed = new TaskCompletionSource();
        _ = part.ContinueWith(static (_, state) => ((TaskCompletionSource)state!).TrySetResult(), failed,
            CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        return failed.Task;
    }

    private static async Task StartAsync(IngressServer server, CancellationToken ct)
    {
        ProcessMetrics.Register();
        try
        {
            await server.StartAsync(ct);
        }
        catch (IOException e) when (e.InnerException is AddressInUseException or SocketException)
        {
            throw new IOException($"{e.Message} Choose other ports with --http-port, --https-port and --healthz-port.", e);
        }
        catch (SocketException e)
        {
            throw new IOException(
                $"A port cannot be opened: {e.Message}. Choose other ports with --http-port, --https-port and --healthz-port.", e);
        }
    }

    private static IngressServerOptions ServerOptions(IngressOptions options) => new()
    {
        HttpPort = options.HttpPort,
        HttpsPort = options.HttpsPort,
        StatusPort = options.HealthPort,
        StatusAddress = options.HealthAddress ?? IPAddress.IPv6Any,
        HealthPath = options.HealthPath,
    };

    [LoggerMessage(LogLevel.Information, "Ending: requests are taken for {Grace} s more, then running ones end")]
    private static partial void LogEnding(ILogger logger, double grace);
}
