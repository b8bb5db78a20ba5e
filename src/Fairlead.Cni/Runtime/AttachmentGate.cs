namespace Fairlead.Cni.Runtime;

/// <summary>Who may call plugins when: one call at a time for a container, any number for different ones, and GC alone.</summary>
/// <remarks>SPEC 1.1.0: no parallel calls for one container, and no GC beside ADD and DEL. First come, first served, so that GC is not starved.</remarks>
public sealed class AttachmentGate
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiting = [];
    private readonly HashSet<string> _active = [];
    private bool _exclusive;

    /// <summary>Waits for a container's turn.</summary>
    public Task<IDisposable> EnterAsync(string containerId, CancellationToken ct) => EnterAsync(new Waiter(containerId), ct);

    /// <summary>Waits until nothing else runs.</summary>
    public Task<IDisposable> EnterAloneAsync(CancellationToken ct) => EnterAsync(new Waiter(null), ct);

    private async Task<IDisposable> EnterAsync(Waiter waiter, CancellationToken ct)
    {
        lock (_lock)
        {
            _waiting.AddLast(waiter);
            Admit();
        }

        using var registration = ct.Register(() =>
        {
            lock (_lock)
            {
                if (_waiting.Remove(waiter))
                {
                    waiter.Admitted.TrySetCanceled(ct);
                    Admit();
                }
            }
        });
        await waiter.Admitted.Task;
        return new Turn(this, waiter.Key);
    }

    private void Leave(string? key)
    {
        lock (_lock)
        {
            if (key is { } container)
            {
                _active.Remove(container);
            }
            else
            {
                _exclusive = false;
            }

            Admit();
        }
    }

    private void Admit()
    {
        var next = _waiting.First;
        while (next is not null && !_exclusive)
        {
            var (node, waiter) = (next, next.Value);
            next = next.Next;
            if (waiter.Key is { } key)
            {
                if (!_active.Add(key))
                {
                    continue;
                }
            }
            else if (_active.Count > 0 || node != _waiting.First)
            {
                return; // those behind it wait too, or it would never have its turn
            }
            else
            {
                _exclusive = true;
            }

            _waiting.Remove(node);
            waiter.Admitted.TrySetResult();
        }
    }

    private sealed class Waiter(string? key)
    {
        public string? Key { get; } = key;

        public TaskCompletionSource Admitted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Turn(AttachmentGate gate, string? key) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0)
            {
                gate.Leave(key);
            }
        }
    }
}
