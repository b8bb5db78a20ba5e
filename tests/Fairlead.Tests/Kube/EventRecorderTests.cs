using Fairlead.Kube.Events;
using Fairlead.Kube.Objects;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Kube;

public sealed class EventRecorderTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_same_again_raises_a_count_and_something_else_is_another_event()
    {
        await using var api = await FakeApi.StartAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var recorder = new EventRecorder(api.Client, "kubelet", "n1");
        var running = recorder.RunAsync(stop.Token);
        var pod = Make.Pod("p");

        recorder.Warning(pod, "BackOff", "again");
        recorder.Warning(pod, "BackOff", "again");
        recorder.Warning(pod, "BackOff", "again");
        recorder.Normal(pod, "Pulled", "image");
        recorder.Normal(Make.Node("n1"), "Starting", "now");
        await UntilAsync(api, () => api.All(KubeResources.Events).Count == 3);
        await stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        var events = api.All(KubeResources.Events);
        var backOff = events.Single(e => e.Reason == "BackOff");
        Assert.Equal((3, "Warning", "shop", "kubelet", "n1"), (backOff.Count, backOff.Type, backOff.Metadata.Namespace, backOff.Source!.Component, backOff.Source.Host));
        Assert.Equal(("Pod", "p", "uid-p"), (backOff.InvolvedObject.Kind, backOff.InvolvedObject.Name, backOff.InvolvedObject.Uid));
        Assert.Equal("default", events.Single(e => e.Reason == "Starting").Metadata.Namespace);
    }

    private static async Task UntilAsync(FakeApi api, Func<bool> condition)
    {
        while (true)
        {
            var next = api.ChangedAsync();
            if (condition())
            {
                return;
            }

            await next.WaitAsync(TimeSpan.FromSeconds(20), Ct);
        }
    }
}
