using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Probes;
using Fairlead.Linux.Processes;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>Runs a container's <c>postStart</c> or <c>preStop</c>.</summary>
internal static class LifecycleHook
{
    /// <summary>Runs the hook to its end; what it failed with, or null.</summary>
    public static async Task<string?> RunAsync(
        LifecycleHandler hook, Container container, ProcessHandle process, string podIP, string launcher, NetworkChecks checks, TimeProvider time, CancellationToken ct)
    {
        try
        {
            switch (hook)
            {
                case { Exec: { } exec }:
                    var (status, output) = await ContainerExec.RunAsync(launcher, process, exec.Command, ct);
                    return status.Succeeded ? null : $"command '{string.Join(' ', exec.Command)}' ended with {status}: {output}";
                case { HttpGet: { } http }:
                    await checks.SendAsync(http, container, podIP, ct);
                    return null;
                case { Sleep: { } sleep }:
                    await Task.Delay(TimeSpan.FromSeconds(sleep.Seconds), time, ct);
                    return null;
                default:
                    return null;
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            return e.Message;
        }
    }
}
