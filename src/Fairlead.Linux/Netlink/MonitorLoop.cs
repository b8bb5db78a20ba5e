namespace Fairlead.Linux.Netlink;

/// <summary>Listens to the kernel's changes for as long as it takes, over every loss of events and every failure of the listening.</summary>
public static class MonitorLoop
{
    /// <summary>Before listening is tried again after a failure.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Runs until cancelled.</summary>
    /// <param name="open">Starts to listen.</param>
    /// <param name="heard">Told of each change, one at a time.</param>
    /// <param name="missed">Told that changes may have gone unheard. It is told once there is listening again, so that none falls between.</param>
    /// <param name="lost">Told why listening failed.</param>
    public static async Task RunAsync<TChange>(
        Func<IChangeMonitor<TChange>> open, Func<TChange, Task> heard, Action missed, Action<Exception> lost, TimeProvider time, CancellationToken ct)
    {
        var hasMissed = false;
        while (true)
        {
            try
            {
                using var monitor = open();
                if (hasMissed)
                {
                    hasMissed = false;
                    missed();
                }

                await foreach (var change in monitor.ReadAllAsync(ct))
                {
                    await heard(change);
                }
            }
            catch (NetlinkOverrunException)
            {
                hasMissed = true;
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                hasMissed = true;
                lost(e);
                await Task.Delay(Pause, time, ct);
            }
        }
    }
}
