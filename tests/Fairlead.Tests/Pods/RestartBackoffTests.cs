using Fairlead.Lab.Pods;

namespace Fairlead.Tests.Pods;

public sealed class RestartBackoffTests
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_first_restart_is_immediate_and_each_further_one_waits_twice_as_long_up_to_five_minutes()
    {
        var (backoff, now) = (default(RestartBackoff), s_start);
        var waits = new List<double>();
        for (var i = 0; i < 8; i++)
        {
            var left = backoff.Remaining(now, now);
            waits.Add(left.TotalSeconds);
            now += left;
            backoff = backoff.Next(now, now);
        }

        Assert.Equal([0, 10, 20, 40, 80, 160, 300, 300], waits);
    }

    [Fact]
    public void A_run_of_more_than_ten_minutes_starts_over()
    {
        var backoff = new RestartBackoff(TimeSpan.FromSeconds(160), s_start);
        var finished = s_start + TimeSpan.FromMinutes(11);

        Assert.Equal(TimeSpan.Zero, backoff.Remaining(finished, finished));
        Assert.Equal(TimeSpan.FromSeconds(10), backoff.Next(finished, finished).Delay);
    }

    [Fact]
    public void Time_since_the_end_counts()
        => Assert.Equal(
            TimeSpan.FromSeconds(4),
            new RestartBackoff(TimeSpan.FromSeconds(10), s_start).Remaining(s_start, s_start + TimeSpan.FromSeconds(6)));

    [Theory]
    [InlineData(10, "10s")]
    [InlineData(80, "1m20s")]
    [InlineData(300, "5m0s")]
    [InlineData(3661, "1h1m1s")]
    [InlineData(1.5, "1.5s")]
    [InlineData(0.25, "250ms")]
    public void Durations_read_as_Go_writes_them(double seconds, string expected)
        => Assert.Equal(expected, GoDuration.Format(TimeSpan.FromSeconds(seconds)));
}
