using System.Text.Json.Nodes;
using Fairlead.ApiServer.Controllers;
using Fairlead.Kube.Client;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Tests.Controllers;

/// <summary>All controllers together against an API server in memory, with a kubelet that starts and ends every pod at once.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private readonly CancellationTokenSource _stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
    private readonly List<Task> _running = [];
    private FakeApi _api = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _api = await FakeApi.StartAsync();
        var host = new ControllerHost(_api.Client, new() { RootCertificatePem = "PEM" }, TimeProvider.System, NullLoggerFactory.Instance);
        _running.Add(host.RunAsync(_stop.Token));
        _running.Add(RunPodsAsync(_stop.Token));
        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            await _api.Client.CreateAsync(KubeResources.Nodes, Make.Node(node), Ct);
        }

        await CreateNamespaceAsync("shop");
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _api.DisposeAsync();
        _stop.Dispose();
    }

    [Fact]
    public async Task A_Deployment_with_a_Service_gets_pods_on_different_nodes_and_their_addresses()
    {
        await _api.Client.CreateAsync(KubeResources.Services, Make.Service("web", new ServicePort { Name = "http", Port = 80, TargetPort = 8080 }), Ct);
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3), Ct);

        await UntilAsync(() => Deployment() is { Status: { AvailableReplicas: 3, UpdatedReplicas: 3, ObservedGeneration: 1 } });
        await UntilAsync(() => _api.All(KubeResources.EndpointSlices) is [var slice] && slice.Endpoints.Count(e => e.Conditions.Ready == true) == 3);

        Assert.Equal(["n1", "n2", "n3"], Pods().Select(p => p.Spec.NodeName).Order(StringComparer.Ordinal));
        Assert.Equal(8080, _api.All(KubeResources.EndpointSlices).Single().Ports.Single().Port);
        Assert.Equal("1", Deployment().Metadata.Annotations.Find("deployment.kubernetes.io/revision"));
        await UntilAsync(() => Deployment().Status.Conditions.Any(c => c is { Type: "Progressing", Reason: "NewReplicaSetAvailable" }));
    }

    [Fact]
    public async Task A_new_template_replaces_every_pod_and_keeps_the_old_ReplicaSet_to_go_back_to()
    {
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 4), Ct);
        await UntilAsync(() => Deployment().Status.AvailableReplicas == 4);
        var least = 4;

        await PatchTemplateAsync("fairlead/http:2");
        await UntilAsync(() =>
        {
            least = Math.Min(least, Pods().Count(p => !p.IsTerminating && p.Status.Phase == "Running"));
            return Deployment().Status is { UpdatedReplicas: 4, Replicas: 4, AvailableReplicas: 4 } && Pods().All(p => p.Spec.Containers[0].Image == "fairlead/http:2");
        });

        Assert.True(least >= 3, $"{least} pods ran at the least");
        Assert.Equal([0, 4], _api.All(KubeResources.ReplicaSets).Select(s => s.Spec.Replicas!.Value).Order());
        await PatchTemplateAsync("fairlead/http");
        await UntilAsync(() => Deployment().Metadata.Annotations.Find("deployment.kubernetes.io/revision") == "3" && Pods().All(p => p.Spec.Containers[0].Image == "fairlead/http"));
        Assert.Equal(2, _api.All(KubeResources.ReplicaSets).Count);
    }

    [Fact]
    public async Task Scaling_ends_with_just_so_many_pods()
    {
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 1), Ct);
        await UntilAsync(() => Deployment().Status.AvailableReplicas == 1);

        foreach (var replicas in (int[])[7, 2, 0, 5])
        {
            await _api.Client.PatchAsync(KubeResources.Deployments, "shop", "web", new JsonObject { ["spec"] = new JsonObject { ["replicas"] = replicas } }, ct: Ct);
            await UntilAsync(() => Deployment().Status.AvailableReplicas == replicas && Pods().Count == replicas);
        }

        Assert.Single(_api.All(KubeResources.ReplicaSets));
    }

    [Fact]
    public async Task Deleting_a_Deployment_takes_its_ReplicaSets_and_pods_with_it()
    {
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3), Ct);
        await UntilAsync(() => Pods().Count(p => p.Status.Phase == "Running") == 3);

        await _api.Client.DeleteAsync(KubeResources.Deployments, "shop", "web", new() { PropagationPolicy = "Background" }, Ct);

        await UntilAsync(() => Pods().Count == 0 && _api.All(KubeResources.ReplicaSets).Count == 0);
    }

    [Fact]
    public async Task Foreground_deletion_keeps_the_owner_until_its_dependents_are_gone()
    {
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3), Ct);
        await UntilAsync(() => Pods().Count(p => p.Status.Phase == "Running") == 3);

        await _api.Client.DeleteAsync(KubeResources.Deployments, "shop", "web", new() { PropagationPolicy = "Foreground" }, Ct);

        await UntilAsync(() => _api.All(KubeResources.Deployments).Count == 0);
        Assert.Empty(_api.All(KubeResources.ReplicaSets));
        Assert.Empty(Pods());
    }

    [Fact]
    public async Task Orphans_outlive_their_owner_and_are_adopted_by_the_next()
    {
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 2), Ct);
        await UntilAsync(() => Deployment().Status.AvailableReplicas == 2);
        var before = Pods().Select(p => p.Metadata.Name).Order(StringComparer.Ordinal).ToList();

        await _api.Client.DeleteAsync(KubeResources.Deployments, "shop", "web", new() { PropagationPolicy = "Orphan" }, Ct);
        await UntilAsync(() => _api.All(KubeResources.Deployments).Count == 0);
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 2), Ct);
        await UntilAsync(() => Deployment().Status.AvailableReplicas == 2);

        Assert.Equal(before, Pods().Select(p => p.Metadata.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_terminating_pod_is_out_of_its_Service_at_once()
    {
        await _api.Client.CreateAsync(KubeResources.Services, Make.Service("web", new ServicePort { Port = 80, TargetPort = 8080 }), Ct);
        await _api.Client.CreateAsync(KubeResources.Pods, Make.Pod("stays", app: "web") with { Metadata = Make.Pod("stays").Metadata with { Finalizers = ["test/hold"] } }, Ct);
        await UntilAsync(() => _api.All(KubeResources.EndpointSlices) is [{ Endpoints: [{ Conditions.Ready: true }] }]);

        await _api.Client.DeleteAsync(KubeResources.Pods, "shop", "stays", ct: Ct);

        await UntilAsync(() => _api.All(KubeResources.EndpointSlices) is [{ Endpoints: [{ Conditions: { Ready: false, Terminating: true } }] }]);
    }

    [Fact]
    public async Task A_DaemonSet_follows_the_nodes()
    {
        var set = new DaemonSet { Metadata = new() { Name = "agent", Namespace = "shop" }, Spec = new() { Selector = Make.Selector("agent"), Template = Make.Template("agent") } };
        await _api.Client.CreateAsync(KubeResources.DaemonSets, set, Ct);
        await UntilAsync(() => _api.All(KubeResources.DaemonSets).Single().Status is { DesiredNumberScheduled: 3, NumberReady: 3, UpdatedNumberScheduled: 3 });

        await _api.Client.CreateAsync(KubeResources.Nodes, Make.Node("n4"), Ct);
        await UntilAsync(() => _api.All(KubeResources.DaemonSets).Single().Status.NumberReady == 4);

        Assert.Equal(["n1", "n2", "n3", "n4"], Pods().Select(p => p.Spec.NodeName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_namespace_that_goes_takes_everything_with_it()
    {
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3), Ct);
        await _api.Client.CreateAsync(KubeResources.ConfigMaps, new ConfigMap { Metadata = new() { Name = "settings", Namespace = "shop" } }, Ct);
        await _api.Client.CreateAsync(KubeResources.Services, Make.Service("web", new ServicePort { Port = 80 }), Ct);
        await UntilAsync(() => Deployment().Status.AvailableReplicas == 3);

        await _api.Client.DeleteAsync(KubeResources.Namespaces, null, "shop", ct: Ct);

        await UntilAsync(() => _api.All(KubeResources.Namespaces).Count == 0);
        Assert.All(KubeResources.All.Where(r => r.Namespaced && r != (KubeResource)KubeResources.Events), r =>
            Assert.Empty(_api.All(KubeResources.Partial(r)).Where(o => o.Metadata.Namespace == "shop")));
    }

    [Fact]
    public async Task Every_namespace_has_its_account_and_certificate_and_gets_them_back()
    {
        await UntilAsync(() => _api.All(KubeResources.ServiceAccounts) is [{ Metadata.Name: "default" }]);
        await UntilAsync(() => _api.All(KubeResources.ConfigMaps) is [{ Metadata.Name: "kube-root-ca.crt" }]);

        await _api.Client.DeleteAsync(KubeResources.ServiceAccounts, "shop", "default", ct: Ct);
        await _api.Client.PatchAsync(KubeResources.ConfigMaps, "shop", "kube-root-ca.crt", JsonNode.Parse("""{"data":{"ca.crt":"forged"}}""")!, ct: Ct);

        await UntilAsync(() => _api.All(KubeResources.ServiceAccounts).Count == 1 && _api.All(KubeResources.ConfigMaps).Single().Data["ca.crt"] == "PEM");
    }

    [Fact]
    public async Task Each_node_gets_a_range_of_its_own()
    {
        await UntilAsync(() => _api.All(KubeResources.Nodes).All(n => n.Spec.PodCIDR.Length > 0));

        Assert.Equal(["10.32.0.0/24", "10.32.1.0/24", "10.32.2.0/24"], _api.All(KubeResources.Nodes).Select(n => n.Spec.PodCIDR).Order(StringComparer.Ordinal));
        Assert.All(_api.All(KubeResources.Nodes), n => Assert.Equal([n.Spec.PodCIDR], n.Spec.PodCIDRs));
    }

    [Fact]
    public async Task A_pod_that_fits_nowhere_says_why_and_is_placed_once_a_node_fits()
    {
        var pod = Make.Pod("picky") with { Spec = Make.Pod("picky").Spec with { NodeSelector = EquatableMap.Of(("disk", "ssd")) } };
        await _api.Client.CreateAsync(KubeResources.Pods, pod, Ct);
        await UntilAsync(() => Pods().Single().Status.Conditions.Any(c =>
            c is { Type: "PodScheduled", Status: "False", Reason: "Unschedulable", Message: "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector." }));
        await UntilAsync(() => _api.All(KubeResources.Events).Any(e => e is { Reason: "FailedScheduling", InvolvedObject.Name: "picky" }));

        await _api.Client.PatchAsync(KubeResources.Nodes, null, "n2", JsonNode.Parse("""{"metadata":{"labels":{"disk":"ssd"}}}""")!, ct: Ct);

        await UntilAsync(() => Pods().Single().Spec.NodeName == "n2");
    }

    [Fact]
    public async Task A_restart_changes_nothing_that_is_settled()
    {
        await _api.Client.CreateAsync(KubeResources.Services, Make.Service("web", new ServicePort { Port = 80 }), Ct);
        await _api.Client.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3), Ct);
        await UntilAsync(() => Deployment().Status.Conditions.Any(c => c.Reason == "NewReplicaSetAvailable") && _api.All(KubeResources.EndpointSlices) is [{ Endpoints.Count: 3 }]);
        await UntilAsync(() => _api.All(KubeResources.ConfigMaps).Count == 1 && _api.All(KubeResources.Nodes).All(n => n.Spec.PodCIDR.Length > 0));

        await _stop.CancelAsync();
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var before = Versions();
        using var again = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var host = new ControllerHost(_api.Client, new() { RootCertificatePem = "PEM" }, TimeProvider.System, NullLoggerFactory.Instance).RunAsync(again.Token);
        await _api.Client.CreateAsync(KubeResources.Pods, Make.Pod("probe", app: "probe"), Ct);
        await UntilAsync(() => Pods().Single(p => p.Metadata.Name == "probe").Spec.NodeName.Length > 0);
        await again.CancelAsync();
        await host.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        Assert.Equal(before, Versions());
    }

    private Deployment Deployment() => _api.All(KubeResources.Deployments).Single();

    private IReadOnlyList<Pod> Pods() => _api.All(KubeResources.Pods);

    private List<string> Versions()
        => [.. KubeResources.All.Where(r => r != (KubeResource)KubeResources.Events).SelectMany(r => _api.All(KubeResources.Partial(r)))
            .Where(o => o.Metadata.Name != "probe").Select(o => $"{o.Kind} {o.Metadata.Name} {o.Metadata.ResourceVersion}").Order(StringComparer.Ordinal)];

    private Task<Namespace> CreateNamespaceAsync(string name)
        => _api.Client.CreateAsync(KubeResources.Namespaces, new Namespace { Metadata = new() { Name = name } }, Ct);

    private Task PatchTemplateAsync(string image) => _api.Client.PatchAsync(
        KubeResources.Deployments, "shop", "web",
        new JsonObject { ["spec"] = new JsonObject { ["template"] = KubeJson.ToNode(Make.Template(image: image)) } }, ct: Ct);

    private async Task UntilAsync(Func<bool> condition)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        limit.CancelAfter(TimeSpan.FromSeconds(20));
        while (true)
        {
            var next = _api.ChangedAsync();
            if (condition())
            {
                return;
            }

            await next.WaitAsync(limit.Token);
        }
    }

    /// <summary>What a kubelet does, without a process: a pod bound to a node runs and is ready; one that is to go is gone.</summary>
    private async Task RunPodsAsync(CancellationToken ct)
    {
        var informer = new Informer<Pod>(_api.Client, KubeResources.Pods);
        var following = informer.RunAsync(ct);
        Store<Pod>? seen = null;
        await foreach (var store in informer.Snapshot.WatchAsync(ct))
        {
            foreach (var key in store.ChangesSince(seen))
            {
                if (store.Find(key) is not { Spec.NodeName.Length: > 0 } pod)
                {
                    continue;
                }

                try
                {
                    if (pod.IsTerminating)
                    {
                        await _api.Client.DeleteAsync(KubeResources.Pods, key.Namespace, key.Name, new() { GracePeriodSeconds = 0, Uid = pod.Metadata.Uid }, ct);
                    }
                    else if (!pod.Status.Conditions.Any(c => c is { Type: "Ready", Status: "True" }))
                    {
                        var status = new PodStatus
                        {
                            Phase = "Running",
                            PodIP = "10.32.0.5",
                            PodIPs = [new() { Ip = "10.32.0.5" }],
                            Conditions = [new() { Type = "Ready", Status = "True", LastTransitionTime = Make.Start }],
                        };
                        await _api.Client.PatchAsync(KubeResources.Pods, key.Namespace, key.Name, new JsonObject { ["status"] = KubeJson.ToNode(status) }, "status", ct);
                    }
                }
                catch (KubeException e) when (e.IsNotFound)
                {
                    // It went meanwhile.
                }
            }

            seen = store;
        }

        await following;
    }
}
