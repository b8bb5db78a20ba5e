using System.Runtime.ExceptionServices;

namespace Fairlead.Core.State;

/// <summary>Parts of one whole that run side by side, none without the others.</summary>
/// <remarks>
/// <c>Task.WhenAll</c> alone waits for the parts that go on after one has failed, so that the failure is never seen: a server would
/// serve what it once knew for ever, and seem well.
/// </remarks>
public static class Parts
{
    /// <summary>Runs all until one fails or the token ends them; the first failure is the one that is thrown. A part may end before the others.</summary>
    public static async Task RunAsync(CancellationToken ct, params Func<CancellationToken, Task>[] parts)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        Exception? first = null;
        await Task.WhenAll(parts.Select(part => Task.Run(async () =>
        {
            try
            {
                await part(stop.Token);
            }
            catch (Exception e)
            {
                if (!stop.IsCancellationRequested)
                {
                    Interlocked.CompareExchange(ref first, e, null);
                    await stop.CancelAsync();
                }
            }
        }, CancellationToken.None)));
        if (first is not null)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        ct.ThrowIfCancellationRequested();
    }
}
