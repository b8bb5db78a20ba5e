using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Controllers;

/// <summary>All controllers together, against the embedded API server.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private TestCluster _cluster = null!;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _cluster = await TestCluster.StartAsync();
        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            await _cluster.CreateNodeAsync(Make.Node(node));
        }

        await CreateNamespaceAsync("shop");
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    [Fact]
    public async Task A_Deployment_with_a_Service_gets_pods_on_different_nodes_and_their_addresses()
    {
        await _cluster.CreateAsync(KubeResources.Services, Make.Service("web", new ServicePort { Name = "http", Port = 80, TargetPort = 8080 }));
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3));

        await _cluster.UntilAsync(async () => (await DeploymentAsync()) is { Status: { AvailableReplicas: 3, UpdatedReplicas: 3, ObservedGeneration: 1 } });
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.EndpointSlices)) is [var slice] && slice.Endpoints.Count(e => e.Conditions.Ready == true) == 3);

        Assert.Equal(["n1", "n2", "n3"], (await PodsAsync()).Select(p => p.Spec.NodeName).Order(StringComparer.Ordinal));
        Assert.Equal(8080, (await _cluster.ListAsync(KubeResources.EndpointSlices)).Single().Ports.Single().Port);
        Assert.Equal("1", (await DeploymentAsync()).Metadata.Annotations.Find("deployment.kubernetes.io/revision"));
        await _cluster.UntilAsync(async () => (await DeploymentAsync()).Status.Conditions.Any(c => c is { Type: "Progressing", Reason: "NewReplicaSetAvailable" }));
    }

    [Fact]
    public async Task A_new_template_replaces_every_pod_and_keeps_the_old_ReplicaSet_to_go_back_to()
    {
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 4));
        await _cluster.UntilAsync(async () => (await DeploymentAsync()).Status.AvailableReplicas == 4);
        var least = 4;

        await PatchTemplateAsync("fairlead/http:2");
        await _cluster.UntilAsync(async () =>
        {
            least = Math.Min(least, (await PodsAsync()).Count(p => !p.IsTerminating && p.Status.Phase == "Running"));
            return (await DeploymentAsync()).Status is { UpdatedReplicas: 4, Replicas: 4, AvailableReplicas: 4 } && (await PodsAsync()).All(p => p.Spec.Containers[0].Image == "fairlead/http:2");
        });

        Assert.True(least >= 3, $"{least} pods ran at the least");
        Assert.Equal([0, 4], (await _cluster.ListAsync(KubeResources.ReplicaSets)).Select(s => s.Spec.Replicas!.Value).Order());
        await PatchTemplateAsync("fairlead/http");
        await _cluster.UntilAsync(async () => (await DeploymentAsync()).Metadata.Annotations.Find("deployment.kubernetes.io/revision") == "3" && (await PodsAsync()).All(p => p.Spec.Containers[0].Image == "fairlead/http"));
        Assert.Equal(2, (await _cluster.ListAsync(KubeResources.ReplicaSets)).Count);
    }

    [Fact]
    public async Task Scaling_ends_with_just_so_many_pods()
    {
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 1));
        await _cluster.UntilAsync(async () => (await DeploymentAsync()).Status.AvailableReplicas == 1);

        foreach (var replicas in (int[])[7, 2, 0, 5])
        {
            await _cluster.Client.PatchAsync(KubeResources.Deployments, "shop", "web", new JsonObject { ["spec"] = new JsonObject { ["replicas"] = replicas } }, ct: Ct);
            await _cluster.UntilAsync(async () => (await DeploymentAsync()).Status.AvailableReplicas == replicas && (await PodsAsync()).Count == replicas);
        }

        Assert.Single(await _cluster.ListAsync(KubeResources.ReplicaSets));
    }

    [Fact]
    public async Task Deleting_a_Deployment_takes_its_ReplicaSets_and_pods_with_it()
    {
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3));
        await _cluster.UntilAsync(async () => (await PodsAsync()).Count(p => p.Status.Phase == "Running") == 3);

        await _cluster.Client.DeleteAsync(KubeResources.Deployments, "shop", "web", new() { PropagationPolicy = "Background" }, Ct);

        await _cluster.UntilAsync(async () => (await PodsAsync()).Count == 0 && (await _cluster.ListAsync(KubeResources.ReplicaSets)).Count == 0);
    }

    [Fact]
    public async Task Foreground_deletion_keeps_the_owner_until_its_dependents_are_gone()
    {
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3));
        await _cluster.UntilAsync(async () => (await PodsAsync()).Count(p => p.Status.Phase == "Running") == 3);

        await _cluster.Client.DeleteAsync(KubeResources.Deployments, "shop", "web", new() { PropagationPolicy = "Foreground" }, Ct);

        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.Deployments)).Count == 0);
        Assert.Empty(await _cluster.ListAsync(KubeResources.ReplicaSets));
        Assert.Empty(await PodsAsync());
    }

    [Fact]
    public async Task Orphans_outlive_their_owner_and_are_adopted_by_the_next()
    {
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 2));
        await _cluster.UntilAsync(async () => (await DeploymentAsync()).Status.AvailableReplicas == 2);
        var before = (await PodsAsync()).Select(p => p.Metadata.Name).Order(StringComparer.Ordinal).ToList();

        await _cluster.Client.DeleteAsync(KubeResources.Deployments, "shop", "web", new() { PropagationPolicy = "Orphan" }, Ct);
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.Deployments)).Count == 0);
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 2));
        await _cluster.UntilAsync(async () => (await DeploymentAsync()).Status.AvailableReplicas == 2);

        Assert.Equal(before, (await PodsAsync()).Select(p => p.Metadata.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_terminating_pod_is_out_of_its_Service_at_once()
    {
        await _cluster.CreateAsync(KubeResources.Services, Make.Service("web", new ServicePort { Port = 80, TargetPort = 8080 }));
        await _cluster.CreateAsync(KubeResources.Pods, Make.Pod("stays", app: "web") with { Metadata = Make.Pod("stays").Metadata with { Finalizers = ["test/hold"] } });
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.EndpointSlices)) is [{ Endpoints: [{ Conditions.Ready: true }] }]);

        await _cluster.Client.DeleteAsync(KubeResources.Pods, "shop", "stays", ct: Ct);

        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.EndpointSlices)) is [{ Endpoints: [{ Conditions: { Ready: false, Terminating: true } }] }]);
    }

    [Fact]
    public async Task A_DaemonSet_follows_the_nodes()
    {
        var set = new DaemonSet { Metadata = new() { Name = "agent", Namespace = "shop" }, Spec = new() { Selector = Make.Selector("agent"), Template = Make.Template("agent") } };
        await _cluster.CreateAsync(KubeResources.DaemonSets, set);
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.DaemonSets)).Single().Status is { DesiredNumberScheduled: 3, NumberReady: 3, UpdatedNumberScheduled: 3 });

        await _cluster.CreateNodeAsync(Make.Node("n4"));
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.DaemonSets)).Single().Status.NumberReady == 4);

        Assert.Equal(["n1", "n2", "n3", "n4"], (await PodsAsync()).Select(p => p.Spec.NodeName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_namespace_that_goes_takes_everything_with_it()
    {
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3));
        await _cluster.CreateAsync(KubeResources.ConfigMaps, new ConfigMap { Metadata = new() { Name = "settings", Namespace = "shop" } });
        await _cluster.CreateAsync(KubeResources.Services, Make.Service("web", new ServicePort { Port = 80 }));
        await _cluster.UntilAsync(async () => (await DeploymentAsync()).Status.AvailableReplicas == 3);

        await _cluster.Client.DeleteAsync(KubeResources.Namespaces, null, "shop", ct: Ct);

        await _cluster.UntilAsync(async () => await _cluster.Client.FindAsync(KubeResources.Namespaces, null, "shop", Ct) is null);
        foreach (var resource in KubeResources.All.Where(r => r.Namespaced && r != (KubeResource)KubeResources.Events))
        {
            Assert.Empty(await _cluster.ListAsync(KubeResources.Partial(resource)));
        }
    }

    [Fact]
    public async Task Every_namespace_has_its_account_and_certificate_and_gets_them_back()
    {
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.ServiceAccounts)) is [{ Metadata.Name: "default" }]);
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.ConfigMaps)) is [{ Metadata.Name: "kube-root-ca.crt" }]);

        await _cluster.Client.DeleteAsync(KubeResources.ServiceAccounts, "shop", "default", ct: Ct);
        await _cluster.Client.PatchAsync(KubeResources.ConfigMaps, "shop", "kube-root-ca.crt", JsonNode.Parse("""{"data":{"ca.crt":"forged"}}""")!, ct: Ct);

        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.ServiceAccounts)).Count == 1 && (await _cluster.ListAsync(KubeResources.ConfigMaps)).Single().Data["ca.crt"] == "PEM");
    }

    [Fact]
    public async Task Each_node_gets_a_range_of_its_own()
    {
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.Nodes)).All(n => n.Spec.PodCIDR.Length > 0));

        Assert.Equal(["10.32.0.0/24", "10.32.1.0/24", "10.32.2.0/24"], (await _cluster.ListAsync(KubeResources.Nodes)).Select(n => n.Spec.PodCIDR).Order(StringComparer.Ordinal));
        Assert.All((await _cluster.ListAsync(KubeResources.Nodes)), n => Assert.Equal([n.Spec.PodCIDR], n.Spec.PodCIDRs));
    }

    [Fact]
    public async Task A_pod_that_fits_nowhere_says_why_and_is_placed_once_a_node_fits()
    {
        var pod = Make.Pod("picky") with { Spec = Make.Pod("picky").Spec with { NodeSelector = EquatableMap.Of(("disk", "ssd")) } };
        await _cluster.CreateAsync(KubeResources.Pods, pod);
        await _cluster.UntilAsync(async () => (await PodsAsync()).Single().Status.Conditions.Any(c =>
            c is { Type: "PodScheduled", Status: "False", Reason: "Unschedulable", Message: "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector." }));
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.Events)).Any(e => e is { Reason: "FailedScheduling", InvolvedObject.Name: "picky" }));

        await _cluster.Client.PatchAsync(KubeResources.Nodes, null, "n2", JsonNode.Parse("""{"metadata":{"labels":{"disk":"ssd"}}}""")!, ct: Ct);

        await _cluster.UntilAsync(async () => (await PodsAsync()).Single().Spec.NodeName == "n2");
    }

    [Fact]
    public async Task A_restart_changes_nothing_that_is_settled()
    {
        await _cluster.CreateAsync(KubeResources.Services, Make.Service("web", new ServicePort { Port = 80 }));
        await _cluster.CreateAsync(KubeResources.Deployments, Make.Deployment("web", 3));
        await _cluster.UntilAsync(async () => (await DeploymentAsync()).Status.Conditions.Any(c => c.Reason == "NewReplicaSetAvailable") && (await _cluster.ListAsync(KubeResources.EndpointSlices)) is [{ Endpoints.Count: 3 }]);
        await _cluster.UntilAsync(async () => (await _cluster.ListAsync(KubeResources.ConfigMaps)).Count == 1 && (await _cluster.ListAsync(KubeResources.Nodes)).All(n => n.Spec.PodCIDR.Length > 0));

        await _cluster.StopControllersAsync();
        var before = await VersionsAsync();
        _cluster.StartControllers();
        await _cluster.CreateAsync(KubeResources.Pods, Make.Pod("probe", app: "probe"));
        await _cluster.UntilAsync(async () => (await PodsAsync()).Single(p => p.Metadata.Name == "probe").Spec.NodeName.Length > 0);
        await _cluster.UntilAsync(async () => (await PodsAsync()).Single(p => p.Metadata.Name == "probe").Status.Phase == "Running");

        Assert.Equal(before, await VersionsAsync());
    }

    private async Task<Deployment> DeploymentAsync() => (await _cluster.ListAsync(KubeResources.Deployments)).Single();

    private Task<IReadOnlyList<Pod>> PodsAsync() => _cluster.ListAsync(KubeResources.Pods);

    private async Task<List<string>> VersionsAsync()
    {
        var versions = new List<string>();
        foreach (var resource in KubeResources.All.Where(r => r != (KubeResource)KubeResources.Events))
        {
            var objects = await _cluster.ListAsync(KubeResources.Partial(resource), ns: null);
            versions.AddRange(objects.Where(o => o.Metadata.Name != "probe").Select(o => $"{resource} {o.Metadata.Name} {o.Metadata.ResourceVersion}"));
        }

        return versions;
    }

    private Task<Namespace> CreateNamespaceAsync(string name)
        => _cluster.CreateAsync(KubeResources.Namespaces, new Namespace { Metadata = new() { Name = name } });

    private Task PatchTemplateAsync(string image) => _cluster.Client.PatchAsync(
        KubeResources.Deployments, "shop", "web",
        new JsonObject { ["spec"] = new JsonObject { ["template"] = KubeJson.ToNode(Make.Template(image: image)) } }, ct: Ct);
}
