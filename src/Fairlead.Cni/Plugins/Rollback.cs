using Fairlead.Cni.Protocol;

namespace Fairlead.Cni.Plugins;

/// <summary>The undo steps of an ADD, run last first unless the ADD disarms them.</summary>
internal sealed class Rollback(CniHost host) : IDisposable
{
    private readonly Stack<(string What, Action Undo)> _steps = [];

    public void Push(string what, Action undo) => _steps.Push((what, undo));

    public void Disarm() => _steps.Clear();

    public void Dispose()
    {
        while (_steps.TryPop(out var step))
        {
            try
            {
                step.Undo();
            }
            catch (Exception e)
            {
                // The failure of the ADD itself is what the runtime must hear; this one is for the log.
                host.Error.WriteLine($"could not undo: {step.What}: {e.Message}");
            }
        }
    }
}
