using Fairlead.Kube.Objects;

namespace Fairlead.KernelTests.Pods;

/// <summary>The beginning and the end of a node's pod runtime.</summary>
public sealed class PodRuntimeStopKernelTests(PodNode node) : IClassFixture<PodNode>
{
    [Fact]
    public async Task Pods_wait_for_the_nodes_network_and_all_of_them_go_with_the_lab()
    {
        node.Start();
        await node.CreateAsync("early", "trap '' TERM; while :; do sleep 1; done");
        await node.UntilAsync("early", p => p.Status.ContainerStatuses is [{ State.Waiting.Reason: "ContainerCreating" }]);
        Assert.Empty(node.PodNamespaces());
        Assert.Contains("NetworkNotReady", await EventAsync(), StringComparison.Ordinal);

        var before = TimeProvider.System.GetTimestamp();
        node.Configure();
        var pod = await node.UntilAsync("early", p => p.Status.Conditions.Any(c => c is { Type: "Ready", Status: "True" }));
        TestContext.Current.SendDiagnosticMessage($"ready {TimeProvider.System.GetElapsedTime(before).TotalMilliseconds:0} ms after the network");
        Assert.Single(node.PodNamespaces());

        before = TimeProvider.System.GetTimestamp();
        await node.StopAsync();

        Assert.InRange(TimeProvider.System.GetElapsedTime(before).TotalSeconds, 0, 5);
        Assert.Empty(node.PodNamespaces());
        Assert.Empty(Directory.GetFiles(Path.Combine(node.State, "leftovers")));
        Assert.False(Directory.Exists(Path.Combine(node.State, "pods", pod.Metadata.Uid)));
        Assert.DoesNotContain(node.Folder, await File.ReadAllTextAsync("/proc/mounts", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_does_not_wait_for_the_grace_of_a_container_that_is_just_restarted_and_leaves_no_mount()
    {
        await using var own = new PodNode();
        await own.InitializeAsync();
        own.Configure();
        own.Start();
        await own.CreateAsync("sick", "trap '' TERM; while :; do sleep 1; done", (spec, main) => spec with
        {
            TerminationGracePeriodSeconds = 300,
            Volumes = [new Volume { Name = "memory", EmptyDir = new EmptyDirVolume { SizeLimit = "1Mi" } }],
            Containers =
            [
                main with
                {
                    VolumeMounts = [new VolumeMount { Name = "memory", MountPath = "/memory" }],
                    LivenessProbe = new Probe { Exec = new ExecAction { Command = ["/bin/false"] }, PeriodSeconds = 1, FailureThreshold = 1 },
                },
            ],
        });
        for (var events = ""; !events.Contains("will be restarted", StringComparison.Ordinal); events = await own.EventsAsync("sick"))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, TestContext.Current.CancellationToken);
        }

        Assert.Contains("/memory tmpfs", await File.ReadAllTextAsync("/proc/mounts", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        await own.StopAsync().WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);

        Assert.Empty(Directory.GetFiles(Path.Combine(own.State, "leftovers")));
        Assert.DoesNotContain(own.Folder, await File.ReadAllTextAsync("/proc/mounts", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    private async Task<string> EventAsync()
    {
        for (var i = 0; ; i++)
        {
            var events = await node.EventsAsync("early");
            if (events.Length > 0 || i == 200)
            {
                return events;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }
}
