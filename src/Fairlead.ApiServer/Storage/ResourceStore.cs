using System.Collections.Immutable;

namespace Fairlead.ApiServer.Storage;

/// <summary>All objects of one resource at one version.</summary>
/// <remarks>Every change up to <see cref="Version"/> is in it and none after: a watch from there neither misses nor repeats anything.</remarks>
internal sealed record ResourceState(long Version, ImmutableSortedDictionary<string, StoredObject> Objects)
{
    public static readonly ImmutableSortedDictionary<string, StoredObject> None
        = ImmutableSortedDictionary.Create<string, StoredObject>(StringComparer.Ordinal);
}

/// <summary>The objects of one resource and their newest changes.</summary>
internal sealed class ResourceStore(int history, long version)
{
    private const int MaxPinned = 16;
    private readonly ConcurrentPins _pins = new(MaxPinned);
    private ResourceState _state = new(version, ResourceState.None);

    public ResourceState State => Volatile.Read(ref _state);

    public ChangeLog Log { get; } = new(history, version);

    public StoredObject? Find(string key) => State.Objects.GetValueOrDefault(key);

    public void Load(ImmutableSortedDictionary<string, StoredObject> objects) => Volatile.Write(ref _state, new ResourceState(State.Version, objects));

    /// <summary>Called by the store's one writer. The state first and the log second: whoever follows the log from a state finds its successor there.</summary>
    public void Apply(string key, Change change)
    {
        var objects = change.After is { } after ? _state.Objects.SetItem(key, after) : _state.Objects.Remove(key);
        Volatile.Write(ref _state, new ResourceState(change.Version, objects));
        Log.Append(change);
    }

    /// <summary>Keeps a state for a list that is fetched in pages. The oldest pinned state gives way; its reader is told to start over.</summary>
    public void Pin(ResourceState state) => _pins.Add(state);

    public ResourceState? Pinned(long version) => _pins.Find(version);

    private sealed class ConcurrentPins(int capacity)
    {
        private readonly Lock _lock = new();
        private readonly Queue<ResourceState> _states = new();

        public void Add(ResourceState state)
        {
            lock (_lock)
            {
                if (_states.Any(s => s.Version == state.Version))
                {
                    return;
                }

                if (_states.Count == capacity)
                {
                    _states.Dequeue();
                }

                _states.Enqueue(state);
            }
        }

        public ResourceState? Find(long version)
        {
            lock (_lock)
            {
                return _states.FirstOrDefault(s => s.Version == version);
            }
        }
    }
}
