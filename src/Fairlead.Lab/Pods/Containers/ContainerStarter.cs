using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Probes;
using Fairlead.Lab.Pods.Sandboxes;
using Fairlead.Lab.Pods.Variables;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Launch;

namespace Fairlead.Lab.Pods.Containers;

/// <summary>Starts the containers of one pod, or says in their state why they cannot start.</summary>
internal sealed class ContainerStarter(PodHost host, PodFolder folder, Doorbell bell)
{
    /// <summary>An image that is refused now will be later too; kubelet still says first that it failed, then that it waits.</summary>
    private static readonly TimeSpan s_imageRefusal = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(10);

    /// <summary>Starts the container if it can be started.</summary>
    /// <returns>When to try again; null: it has been started, or waits for something that rings the bell.</returns>
    public async Task<TimeSpan?> StartAsync(Pod pod, PodContainer container, PodSandbox sandbox, CancellationToken ct)
    {
        var (environment, unset) = ContainerEnvironment.Compile(pod, container.Spec, host.Inputs.Current, sandbox.Addresses, host.Resources);
        if (unset is not null)
        {
            return Refuse(pod, container, "CreateContainerConfigError", unset);
        }

        var (program, unavailable) = ImageProgram.Find(container.Spec.Image, environment!.Command, environment.Args, host.Options.Fairlead);
        if (unavailable is not null)
        {
            return RefuseImage(pod, container, unavailable);
        }

        var hostName = PodNames.HostName(pod, host.Options.NodeName);
        var (spec, invalid) = LaunchSpecCompiler.Compile(pod, container.Spec, environment, program!, hostName, folder, host.Options.Hidden, host.Options.ProgramFolders);
        if (invalid is not null)
        {
            return Refuse(pod, container, "CreateContainerConfigError", invalid);
        }

        if (!container.HasRun)
        {
            host.Events.Normal(pod, container.Name, "Pulled", $"Container image \"{container.Spec.Image}\" already present on machine");
        }

        if (LaunchSpecCompiler.TerminationMessagePath(container.Spec) is not null)
        {
            await File.WriteAllBytesAsync(folder.TerminationMessage(container.Name), [], ct);
        }

        ContainerRun run;
        try
        {
            run = ContainerRun.Start(
                new ContainerStart(
                    host.Options.Launcher, spec!, sandbox.Namespace, Namespaces(pod.Spec), folder.Log(container.Name, container.NextRun), host.Leftovers),
                host.Time);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Refuse(pod, container, "RunContainerError", e.Message);
        }

        _ = run.Exited.ContinueWith(_ => bell.Ring(), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        host.Events.Normal(pod, container.Name, "Created", $"Created container: {container.Name}");
        container.Started(run, StartProbes(pod, container, run, sandbox), host.Time.GetUtcNow());
        await run.Launched.WaitAsync(ct);
        if (run.IsGone && LaunchFailure.Of(await run.Exited.WaitAsync(ct), run.Log) is not null)
        {
            return null;
        }

        host.Events.Normal(pod, container.Name, "Started", $"Started container {container.Name}");
        if (container.Spec.Lifecycle?.PostStart is { } hook)
        {
            await PostStartAsync(pod, container, run, hook, sandbox, ct);
        }

        return null;
    }

    private ContainerProbes StartProbes(Pod pod, PodContainer container, ContainerRun run, PodSandbox sandbox)
    {
        var ip = sandbox.Addresses.PodIP;
        return ContainerProbes.Start(
            container.Spec,
            probe => probe switch
            {
                { HttpGet: { } http } => host.Checks.Http(http, container.Spec, ip),
                { TcpSocket: { } tcp } => host.Checks.Tcp(tcp, container.Spec, ip),
                { Exec: { } exec } => ContainerExec.Check(host.Options.Launcher, run.Process, exec.Command),
                _ => _ => Task.FromResult(new ProbeResult(false, "the lab has httpGet, tcpSocket and exec probes, and no others")),
            },
            message => host.Events.Warning(pod, container.Name, "Unhealthy", message),
            bell, host.Time, run.Launched, run.Ended);
    }

    private async Task PostStartAsync(Pod pod, PodContainer container, ContainerRun run, LifecycleHandler hook, PodSandbox sandbox, CancellationToken ct)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, run.Ended);
        string? failure;
        try
        {
            failure = await LifecycleHook.RunAsync(
                hook, container.Spec, run.Process, sandbox.Addresses.PodIP, host.Options.Launcher, host.Checks, host.Time, either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return;
        }

        if (failure is not null)
        {
            host.Events.Warning(pod, container.Name, "FailedPostStartHook", $"PostStartHook failed: {failure}");
            _ = run.Process.Kill();
        }
    }

    private TimeSpan? Refuse(Pod pod, PodContainer container, string reason, string message)
    {
        if (container.State.Waiting is not { } waiting || waiting.Reason != reason || waiting.Message != message)
        {
            host.Events.Warning(pod, container.Name, "Failed", $"Error: {message}");
        }

        container.Wait(reason, message);
        return s_retry;
    }

    private TimeSpan? RefuseImage(Pod pod, PodContainer container, string message)
    {
        var now = host.Time.GetUtcNow();
        if (container.ImageRefused is not { } since)
        {
            container.ImageRefused = now;
            host.Events.Normal(pod, container.Name, "Pulling", $"Pulling image \"{container.Spec.Image}\"");
            host.Events.Warning(pod, container.Name, "Failed", $"Failed to pull image \"{container.Spec.Image}\": {message}");
            host.Events.Warning(pod, container.Name, "Failed", "Error: ErrImagePull");
            container.Wait("ErrImagePull", message);
            return s_imageRefusal;
        }

        if (now - since < s_imageRefusal)
        {
            return s_imageRefusal - (now - since);
        }

        if (container.State.Waiting?.Reason != "ImagePullBackOff")
        {
            host.Events.Normal(pod, container.Name, "BackOff", $"Back-off pulling image \"{container.Spec.Image}\"");
            host.Events.Warning(pod, container.Name, "Failed", "Error: ImagePullBackOff");
        }

        // Only another image helps, and that is a change of the pod, which rings.
        container.Wait("ImagePullBackOff", $"Back-off pulling image \"{container.Spec.Image}\": ErrImagePull: {message}");
        return null;
    }

    private static NamespaceKinds Namespaces(PodSpec spec)
        => NamespaceKinds.Mount | NamespaceKinds.HostName
            | (spec.HostPID ? NamespaceKinds.None : NamespaceKinds.Process)
            | (spec.HostIPC ? NamespaceKinds.None : NamespaceKinds.Ipc);
}
