using Fairlead.Core.Services;
using Fairlead.Core.State;

namespace Fairlead.Proxy.Nftables;

/// <summary>The tables of the address families that a node has, kept together.</summary>
/// <remarks>A family that fails does not keep the other back; not for several threads at once.</remarks>
internal sealed class NftablesFamilies(ServiceProxyOptions options) : IReconciler<ServiceTable>, IDisposable
{
    private readonly NftablesReconciler[] _families = [.. options.Families.Select(f => new NftablesReconciler(options, f))];

    public string Name => "services";

    public async Task ReconcileAsync(ServiceTable desired, CancellationToken ct)
    {
        var failures = new List<Exception>();
        foreach (var family in _families)
        {
            try
            {
                await family.ReconcileAsync(desired, ct);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                failures.Add(e);
            }
        }

        Throw(failures);
    }

    /// <summary>Of both families, whichever this node has now: there may have been another.</summary>
    public async Task CleanAsync(CancellationToken ct)
    {
        foreach (var family in Enum.GetValues<IPFamily>())
        {
            using var reconciler = new NftablesReconciler(options, family);
            await reconciler.CleanAsync(ct);
        }

        Dispose();
    }

    /// <summary>Whether a change that the kernel tells of was made here.</summary>
    public bool IsOwn(uint port) => Array.Exists(_families, f => f.PortId == port);

    /// <summary>Forgets what is known; the kernel keeps its tables.</summary>
    public void Dispose()
    {
        foreach (var family in _families)
        {
            family.Dispose();
        }
    }

    private static void Throw(List<Exception> failures)
    {
        switch (failures)
        {
            case []:
                return;
            case [var one]:
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(one);
                return;
            default:
                throw new AggregateException("the service tables of both address families failed", failures);
        }
    }
}
