namespace Fairlead.Lab.Pods;

/// <summary>How long a container that keeps ending is left alone before its next start.</summary>
/// <remarks>
/// Kubelet's rule (client-go <c>flowcontrol.Backoff</c>, 10 s to 5 min): the first restart is immediate and arms 10 s;
/// each further one doubles; a run that lasts twice the longest delay resets it.
/// </remarks>
internal readonly record struct RestartBackoff(TimeSpan Delay, DateTimeOffset Armed)
{
    public static readonly TimeSpan First = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    /// <summary>What is left to wait for a container that ended at <paramref name="finished"/>; zero when it may start now.</summary>
    public TimeSpan Remaining(DateTimeOffset finished, DateTimeOffset now)
    {
        if (Delay == TimeSpan.Zero || HasExpired(finished))
        {
            return TimeSpan.Zero;
        }

        var left = finished + Delay - now;
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }

    /// <summary>The state after a start of the container that last ended at <paramref name="finished"/>.</summary>
    public RestartBackoff Next(DateTimeOffset finished, DateTimeOffset now)
        => Delay == TimeSpan.Zero || HasExpired(finished)
            ? new RestartBackoff(First, now)
            : new RestartBackoff(TimeSpan.FromTicks(Math.Min(Delay.Ticks * 2, Longest.Ticks)), now);

    private bool HasExpired(DateTimeOffset finished) => finished - Armed > Longest * 2;
}
