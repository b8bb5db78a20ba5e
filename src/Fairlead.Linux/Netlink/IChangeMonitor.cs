namespace Fairlead.Linux.Netlink;

/// <summary>A listener to one kind of change in the kernel, from when it is opened.</summary>
public interface IChangeMonitor<TChange> : IDisposable
{
    /// <summary>The changes, until cancelled; then the monitor is closed.</summary>
    /// <exception cref="NetlinkOverrunException">Events were lost, and the monitor has no event that says so: read everything anew and listen again.</exception>
    IAsyncEnumerable<TChange> ReadAllAsync(CancellationToken ct = default);
}
