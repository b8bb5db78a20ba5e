using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Pods;

/// <summary>Pods from their object to their end, on one real node.</summary>
public sealed class PodRuntimeKernelTests : IClassFixture<PodNode>
{
    private readonly PodNode _node;

    public PodRuntimeKernelTests(PodNode node)
    {
        _node = node;
        node.Configure();
        node.Start();
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_pod_runs_with_an_address_names_and_a_log_and_is_ready()
    {
        await _node.CreateAsync("whole", "cat /etc/hosts /etc/resolv.conf /etc/hostname; hostname; echo host=$KUBERNETES_SERVICE_HOST; exec sleep 1000");

        var pod = await _node.UntilAsync("whole", IsReady);
        await _node.UntilLoggedAsync("whole", "host=");

        Assert.Equal("Running", pod.Status.Phase);
        Assert.StartsWith("10.32.7.", pod.Status.PodIP, StringComparison.Ordinal);
        Assert.Equal(PodNode.Address, pod.Status.HostIP);
        Assert.StartsWith("fairlead://", pod.Status.ContainerStatuses[0].ContainerID, StringComparison.Ordinal);
        Assert.Equal("BestEffort", pod.Status.QosClass);
        var log = await _node.LogAsync("whole");
        Assert.Contains($"{pod.Status.PodIP}\twhole\n", log, StringComparison.Ordinal);
        Assert.Contains("search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\nwhole\nwhole\n", log, StringComparison.Ordinal);
        Assert.Contains("host=10.96.0.1\n", log, StringComparison.Ordinal);

        // Nothing listens there, and it is the pod that says so.
        using var socket = _node.Network.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        var refused = await Assert.ThrowsAsync<SocketException>(async () => await socket.ConnectAsync(IPAddress.Parse(pod.Status.PodIP), 81, Ct));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [Fact]
    public async Task A_container_that_fails_is_restarted_at_once_and_then_waits_longer_each_time()
    {
        await _node.CreateAsync("crash", "echo run; exit 3");

        var pod = await _node.UntilAsync("crash", p => p.Status.ContainerStatuses is [{ RestartCount: 1, State.Waiting.Reason: "CrashLoopBackOff" }]);

        var status = pod.Status.ContainerStatuses[0];
        Assert.Equal((3, "Error"), (status.LastState!.Terminated!.ExitCode, status.LastState.Terminated.Reason));
        Assert.Contains("back-off 10s restarting failed container=main pod=crash_default(", status.State!.Waiting!.Message, StringComparison.Ordinal);
        Assert.Equal("Running", pod.Status.Phase);
        Assert.Equal("run\n", await _node.LogAsync("crash"));
        Assert.Equal("run\n", await _node.LogAsync("crash", previous: true));
        await UntilEventAsync("crash", "BackOff Back-off restarting failed container main in pod crash_default");
    }

    [Fact]
    public async Task A_pod_that_is_not_to_be_restarted_ends_gives_its_network_back_and_keeps_its_log()
    {
        await _node.CreateAsync("once", "echo done", (spec, container) => spec with { RestartPolicy = "Never", Containers = [container] });

        var pod = await _node.UntilAsync("once", p => p.Status.Phase == "Succeeded");

        Assert.Equal("Completed", pod.Status.ContainerStatuses[0].State!.Terminated!.Reason);
        Assert.Equal("done\n", await _node.LogAsync("once"));
        Assert.StartsWith("10.32.7.", pod.Status.PodIP, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Init_containers_run_before_the_others_and_share_volumes_with_them()
    {
        await _node.CreateAsync("init", "cat /data/made; exec sleep 1000", (spec, container) => spec with
        {
            Volumes = [new Volume { Name = "data", EmptyDir = new EmptyDirVolume() }],
            InitContainers = [container with { Name = "make", Command = ["/bin/sh", "-c", "echo made > /data/made"], VolumeMounts = [new VolumeMount { Name = "data", MountPath = "/data" }] }],
            Containers = [container with { VolumeMounts = [new VolumeMount { Name = "data", MountPath = "/data" }] }],
        });

        var pod = await _node.UntilAsync("init", IsReady);
        await _node.UntilLoggedAsync("init", "made");

        Assert.Equal(0, pod.Status.InitContainerStatuses[0].State!.Terminated!.ExitCode);
    }

    [Fact]
    public async Task A_ConfigMap_that_changes_is_seen_in_the_running_container()
    {
        await PutConfigMapAsync("settings", "one");
        await _node.CreateAsync("config", "while ! grep -q two /config/key; do cat /config/key; sleep 0.1; done; echo seen; exec sleep 1000", (spec, container) => spec with
        {
            Volumes = [new Volume { Name = "config", ConfigMap = new ConfigMapVolume { Name = "settings" } }],
            Containers = [container with { VolumeMounts = [new VolumeMount { Name = "config", MountPath = "/config" }] }],
        });
        await _node.UntilAsync("config", IsReady);
        await _node.UntilLoggedAsync("config", "one");

        await _node.Client.PatchAsync(KubeResources.ConfigMaps, "default", "settings", new JsonObject { ["data"] = new JsonObject { ["key"] = "two\n" } }, null, Ct);

        await _node.UntilLoggedAsync("config", "seen");
    }

    [Fact]
    public async Task A_pod_waits_for_a_ConfigMap_that_is_not_there_yet()
    {
        await _node.CreateAsync("waiting", "exec sleep 1000", (spec, container) => spec with
        {
            Volumes = [new Volume { Name = "config", ConfigMap = new ConfigMapVolume { Name = "later" } }],
            Containers = [container with { VolumeMounts = [new VolumeMount { Name = "config", MountPath = "/config" }] }],
        });
        await _node.UntilAsync("waiting", p => p.Status.ContainerStatuses is [{ State.Waiting.Reason: "ContainerCreating" }]);
        await PutConfigMapAsync("later", "x");

        await _node.UntilAsync("waiting", IsReady);
    }

    [Fact]
    public async Task The_service_account_is_mounted_with_a_token_of_the_api_server()
    {
        await _node.CreateAsync(
            "token", "cd /var/run/secrets/kubernetes.io/serviceaccount; cat namespace; echo; wc -c < token; ls; exec sleep 1000",
            (spec, container) => spec with { AutomountServiceAccountToken = null, Containers = [container] });
        await _node.UntilAsync("token", IsReady);
        await _node.UntilLoggedAsync("token", "token");

        var lines = (await _node.LogAsync("token")).Split('\n');
        Assert.Equal("default", lines[0]);
        Assert.True(int.Parse(lines[1], System.Globalization.CultureInfo.InvariantCulture) > 100);
        Assert.Equal(["ca.crt", "namespace", "token"], lines[2..5]);
    }

    [Fact]
    public async Task An_image_that_the_lab_does_not_have_is_said_so_naming_what_it_has()
    {
        await _node.CreateAsync("image", "", (spec, container) => spec with { Containers = [container with { Image = "nginx:1.27", Command = default }] });

        var pod = await _node.UntilAsync("image", p => p.Status.ContainerStatuses is [{ State.Waiting.Reason: "ErrImagePull" }]);
        Assert.Contains("fairlead/http", pod.Status.ContainerStatuses[0].State!.Waiting!.Message, StringComparison.Ordinal);
        pod = await _node.UntilAsync("image", p => p.Status.ContainerStatuses is [{ State.Waiting.Reason: "ImagePullBackOff" }]);
        Assert.Equal("Pending", pod.Status.Phase);
        await _node.Client.UpdateAsync(
            KubeResources.Pods, pod with { Spec = pod.Spec with { Containers = [pod.Spec.Containers[0] with { Image = "fairlead/shell:1" }] } }, Ct);
        await _node.UntilAsync("image", IsReady);
    }

    [Fact]
    public async Task A_command_that_does_not_exist_is_named()
    {
        await _node.CreateAsync("nothing", "", (spec, container) => spec with { Containers = [container with { Command = ["/no/such/program"] }] });

        var pod = await _node.UntilAsync("nothing", p => p.Status.ContainerStatuses is [{ LastState.Terminated: not null }]);

        Assert.Equal("StartError", pod.Status.ContainerStatuses[0].LastState!.Terminated!.Reason);
        Assert.Contains("/no/such/program", pod.Status.ContainerStatuses[0].LastState!.Terminated!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_pod_in_the_nodes_network_has_its_address_and_its_links()
    {
        await _node.CreateAsync("host", "readlink /proc/self/ns/net; exec sleep 1000", (spec, container) => spec with { HostNetwork = true, Containers = [container] });

        var pod = await _node.UntilAsync("host", IsReady);
        await _node.UntilLoggedAsync("host", $"net:[{_node.Network.Inode}]");

        Assert.Equal(PodNode.Address, pod.Status.PodIP);
    }

    [Fact]
    public async Task A_readiness_probe_decides_when_and_how_long_a_pod_is_ready()
    {
        await _node.CreateAsync("ready", "sleep 0.3; touch /tmp/ok; exec sleep 1000", (spec, container) => spec with
        {
            Containers = [container with { ReadinessProbe = new Probe { Exec = new ExecAction { Command = ["test", "-e", "/tmp/ok"] }, PeriodSeconds = 1, FailureThreshold = 1 } }],
        });

        await _node.UntilAsync("ready", p => p.Status.Phase == "Running");
        var pod = await _node.UntilAsync("ready", IsReady);

        Assert.True(pod.Status.ContainerStatuses[0].Ready);
    }

    [Fact]
    public async Task Http_and_tcp_probes_reach_the_pod_from_the_node()
    {
        await _node.CreateAsync("http", "exec sleep 1000", (spec, container) => spec with
        {
            Containers =
            [
                container with
                {
                    Ports = [new ContainerPort { Name = "web", Port = 8080 }],
                    StartupProbe = new Probe { TcpSocket = new TcpSocketAction { Port = 8080 }, PeriodSeconds = 1, FailureThreshold = 60 },
                    ReadinessProbe = new Probe { HttpGet = new HttpGetAction { Path = "/ready", Port = "web" } },
                },
            ],
        });
        var pod = await _node.UntilAsync("http", p => p.Status.Phase == "Running");
        Assert.False(IsReady(pod));

        using var inside = NetworkNamespace.Open(_node.PodNamespaces().Single(n => AddressOf(n).Contains(pod.Status.PodIP + "/", StringComparison.Ordinal)));
        using var listener = inside.Run(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(IPAddress.Any, 8080));
        listener.Listen();
        var serving = ServeAsync(listener);

        pod = await _node.UntilAsync("http", IsReady);
        Assert.True(pod.Status.ContainerStatuses[0].Started);
        listener.Close();
        await serving;
    }

    [Fact]
    public async Task A_container_that_fails_its_liveness_probe_is_restarted()
    {
        await _node.CreateAsync("alive", "trap 'exit 0' TERM; sleep 1000 & wait", (spec, container) => spec with
        {
            Containers = [container with { LivenessProbe = new Probe { Exec = new ExecAction { Command = ["false"] }, PeriodSeconds = 1, FailureThreshold = 1 } }],
        });

        await _node.UntilAsync("alive", p => p.Status.ContainerStatuses is [{ RestartCount: >= 1 }]);

        Assert.Contains("Killing Container main failed liveness probe", await UntilEventAsync("alive", "Killing"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deleted_pod_serves_on_for_a_moment_is_asked_to_end_and_leaves_nothing()
    {
        await _node.CreateAsync("bye", "trap 'echo asked; exit 0' TERM; echo up; sleep 1000 & wait");
        var pod = await _node.UntilAsync("bye", IsReady);
        await _node.UntilLoggedAsync("bye", "up");
        var before = TimeProvider.System.GetTimestamp();
        var asked = _node.UntilLoggedAsync("bye", "asked");

        await _node.Client.DeleteAsync(KubeResources.Pods, "default", "bye", null, Ct);
        await asked;
        var served = TimeProvider.System.GetElapsedTime(before);
        await _node.UntilGoneAsync("bye");

        Assert.InRange(served.TotalMilliseconds, 290, 5000);
        await UntilAsync(() => !Directory.Exists(Path.Combine(_node.State, "pods", pod.Metadata.Uid)));
        Assert.DoesNotContain(_node.PodNamespaces(), n => AddressOf(n).Contains(pod.Status.PodIP + "/", StringComparison.Ordinal));
        Assert.DoesNotContain(pod.Metadata.Uid, await File.ReadAllTextAsync("/proc/mounts", Ct), StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_node.Folder, "ipam", "test", pod.Status.PodIP)));
    }

    [Fact]
    public async Task A_preStop_hook_runs_before_the_container_is_asked_to_end()
    {
        await _node.CreateAsync("hook", "trap 'echo asked; exit 0' TERM; echo up; while :; do sleep 0.1; done", (spec, container) => spec with
        {
            Containers = [container with { Lifecycle = new Lifecycle { PreStop = new LifecycleHandler { Exec = new ExecAction { Command = ["sh", "-c", "echo hooked > /proc/1/fd/1"] } } } }],
        });
        await _node.UntilAsync("hook", IsReady);
        await _node.UntilLoggedAsync("hook", "up");
        var hooked = _node.UntilLoggedAsync("hook", "hooked");
        var asked = _node.UntilLoggedAsync("hook", "asked");

        await _node.Client.DeleteAsync(KubeResources.Pods, "default", "hook", null, Ct);

        await Task.WhenAll(hooked, asked);
        await _node.UntilGoneAsync("hook");
    }

    [Fact]
    public async Task A_pod_is_ended_by_its_deadline()
    {
        await _node.CreateAsync("late", "trap 'exit 0' TERM; while :; do sleep 0.1; done", (spec, container) => spec with { ActiveDeadlineSeconds = 1, Containers = [container] });

        var pod = await _node.UntilAsync("late", p => p.Status.Phase == "Failed");

        Assert.Equal("DeadlineExceeded", pod.Status.Reason);
    }

    [Fact]
    public async Task A_sidecar_runs_beside_the_others_and_ends_with_them()
    {
        await _node.CreateAsync("sidecar", "sleep 0.3", (spec, container) => spec with
        {
            RestartPolicy = "Never",
            InitContainers = [container with { Name = "side", RestartPolicy = "Always", Command = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"] }],
            Containers = [container],
        });

        var pod = await _node.UntilAsync("sidecar", p => p.Status.Phase == "Succeeded");

        Assert.Equal(0, pod.Status.InitContainerStatuses[0].State!.Terminated!.ExitCode);
    }

    [Fact]
    public async Task A_pod_that_does_not_listen_is_killed_when_its_time_is_up()
    {
        await _node.CreateAsync("deaf", "trap '' TERM; echo up; while :; do sleep 1; done", (spec, container) => spec with { TerminationGracePeriodSeconds = 1, Containers = [container] });
        await _node.UntilAsync("deaf", IsReady);
        var before = TimeProvider.System.GetTimestamp();

        await _node.Client.DeleteAsync(KubeResources.Pods, "default", "deaf", null, Ct);
        await _node.UntilGoneAsync("deaf");

        Assert.InRange(TimeProvider.System.GetElapsedTime(before).TotalSeconds, 0.9, 10);
    }

    [Fact]
    public async Task A_pod_deleted_by_force_is_gone_from_the_machine_too()
    {
        await _node.CreateAsync("forced", "trap '' TERM; while :; do sleep 1; done");
        var pod = await _node.UntilAsync("forced", IsReady);

        await _node.Client.DeleteAsync(KubeResources.Pods, "default", "forced", new DeleteOptions { GracePeriodSeconds = 0 }, Ct);
        await _node.UntilGoneAsync("forced");

        await UntilAsync(() => !Directory.Exists(Path.Combine(_node.State, "pods", pod.Metadata.Uid)));
    }

    [Fact]
    public async Task The_node_is_registered_ready_and_renews_its_lease()
    {
        await UntilAsync(async () => (await _node.Client.FindAsync(KubeResources.Nodes, null, PodNode.Name, Ct))?.Status.Conditions.Any(c => c is { Type: "Ready", Status: "True" }) == true);
        var node = await _node.Client.GetAsync(KubeResources.Nodes, null, PodNode.Name, Ct);

        Assert.Equal("KubeletReady", node.Status.Conditions.Single(c => c.Type == "Ready").Reason);
        Assert.Equal(PodNode.Name, node.Metadata.Labels["kubernetes.io/hostname"]);
        Assert.Contains(new NodeAddress { Type = "InternalIP", Address = PodNode.Address }, node.Status.Addresses);
        await UntilAsync(async () => (await _node.Client.FindAsync(KubeResources.Leases, "kube-node-lease", PodNode.Name, Ct))?.Spec.HolderIdentity == PodNode.Name);
    }

    private static bool IsReady(Pod pod) => pod.Status.Conditions.Any(c => c is { Type: "Ready", Status: "True" });

    private static string AddressOf(string ns)
    {
        if (!NetworkNamespace.Exists(ns))
        {
            return "";
        }

        using var network = NetworkNamespace.Open(ns);
        return network.Sh("ip -o -4 addr");
    }

    private static async Task ServeAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptAsync(Ct);
                var buffer = new byte[4096];
                if (await client.ReceiveAsync(buffer, Ct) > 0)
                {
                    _ = await client.SendAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), Ct);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task PutConfigMapAsync(string name, string value)
        => await _node.Client.CreateAsync(
            KubeResources.ConfigMaps,
            new ConfigMap { Metadata = new ObjectMeta { Name = name, Namespace = "default" }, Data = EquatableMap.Of(("key", value + "\n")) }, Ct);

    private async Task<string> UntilEventAsync(string pod, string text)
    {
        var events = "";
        await UntilAsync(async () => (events = await _node.EventsAsync(pod)).Contains(text, StringComparison.Ordinal));
        return events;
    }

    private static Task UntilAsync(Func<bool> condition) => UntilAsync(() => Task.FromResult(condition()));

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!await condition())
        {
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, limit.Token);
        }
    }
}
