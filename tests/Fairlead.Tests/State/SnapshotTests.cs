using Fairlead.Kube.State;

namespace Fairlead.Tests.State;

public sealed class SnapshotTests
{
    [Fact]
    public async Task A_change_wakes_whoever_waits_for_it()
    {
        var snapshot = new Snapshot<string>("one");
        var changed = snapshot.ChangedAsync(snapshot.Current);

        Assert.False(changed.IsCompleted);
        snapshot.Publish("two");

        await changed.WaitAsync(TestContext.Current.CancellationToken);
        Assert.Equal("two", snapshot.Current);
    }

    [Fact]
    public void A_change_that_is_past_is_not_waited_for()
    {
        var snapshot = new Snapshot<string>("one");
        var seen = snapshot.Current;

        snapshot.Publish("two");

        Assert.True(snapshot.ChangedAsync(seen).IsCompleted);
    }

    [Fact]
    public async Task A_watcher_may_miss_values_but_not_the_last()
    {
        var snapshot = new Snapshot<string>("0");
        var writer = Task.Run(
            () =>
            {
                for (var i = 1; i <= 1000; i++)
                {
                    snapshot.Publish(i.ToString(System.Globalization.CultureInfo.InvariantCulture));
                }
            },
            TestContext.Current.CancellationToken);

        await foreach (var value in snapshot.WatchAsync(TestContext.Current.CancellationToken))
        {
            if (value == "1000")
            {
                break;
            }
        }

        await writer;
    }
}
