namespace Fairlead.Dns.Plugins;

/// <summary>Things that outlive the configuration that made them, when the next one wants the same: a reload must not watch a cluster anew.</summary>
internal sealed class SharedResources
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Held> _held = new(StringComparer.Ordinal);

    /// <summary>Gives what is held under a key, or makes it. Disposing the lease gives it back; the last one ends it.</summary>
    public Lease<T> Acquire<T>(string key, Func<T> make)
        where T : class, IAsyncDisposable
    {
        lock (_lock)
        {
            if (!_held.TryGetValue(key, out var held))
            {
                _held[key] = held = new Held(make());
            }

            held.Users++;
            return new Lease<T>((T)held.Value, () => ReleaseAsync(key));
        }
    }

    private async ValueTask ReleaseAsync(string key)
    {
        Held held;
        lock (_lock)
        {
            held = _held[key];
            if (--held.Users > 0)
            {
                return;
            }

            _held.Remove(key);
        }

        await held.Value.DisposeAsync();
    }

    private sealed class Held(IAsyncDisposable value)
    {
        public IAsyncDisposable Value { get; } = value;

        public int Users { get; set; }
    }
}

/// <summary>One user's hold on a shared thing.</summary>
internal sealed class Lease<T>(T value, Func<ValueTask> release) : IAsyncDisposable
{
    private int _released;

    public T Value { get; } = value;

    public ValueTask DisposeAsync() => Interlocked.Exchange(ref _released, 1) == 0 ? release() : ValueTask.CompletedTask;
}
