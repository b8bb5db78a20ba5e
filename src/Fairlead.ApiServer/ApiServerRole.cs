namespace Fairlead.ApiServer;

/// <summary><c>fairlead apiserver</c>: one API server in the foreground, until it is told to stop.</summary>
public static class ApiServerRole
{
    /// <summary>Serves until <paramref name="ct"/> fires. The administrator's kubeconfig is written before <paramref name="ready"/> is called.</summary>
    public static async Task RunAsync(ApiServerOptions options, string? kubeconfig, Action<ApiServerHost>? ready, CancellationToken ct)
    {
        await using var host = await ApiServerHost.StartAsync(options, ct);
        if (kubeconfig is not null)
        {
            host.Pki.WriteKubeconfig(kubeconfig, "fairlead", new Uri($"https://{host.Endpoints[0]}"), "kubernetes-admin", "system:masters");
        }

        ready?.Invoke(host);
        var stopped = new TaskCompletionSource();
        await using var registration = ct.Register(() => stopped.TrySetResult());
        await stopped.Task;
        await host.StopAsync(CancellationToken.None);
    }
}
