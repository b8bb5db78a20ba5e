namespace Fairlead.Kube.Client;

/// <summary>Which objects of a collection are meant.</summary>
public sealed record ListOptions(string? LabelSelector = null, string? FieldSelector = null)
{
    /// <summary>How many objects one answer may hold; the client asks for the next page itself.</summary>
    public int? PageSize { get; init; }

    /// <summary>How stale an answer may be: <c>0</c> anything the server has at hand, null the newest.</summary>
    public string? ResourceVersion { get; init; }
}

/// <summary>How an object is deleted.</summary>
public sealed record DeleteOptions
{
    /// <summary>Seconds that it may take to end; 0 at once.</summary>
    public long? GracePeriodSeconds { get; init; }

    /// <summary><c>Background</c>, <c>Foreground</c> or <c>Orphan</c>.</summary>
    public string? PropagationPolicy { get; init; }

    /// <summary>Only if the object still is this one.</summary>
    public string? Uid { get; init; }

    /// <summary>Only if the object still has this version.</summary>
    public string? ResourceVersion { get; init; }
}

/// <summary>All objects of a list, and the version at which a watch goes on from it.</summary>
public sealed record KubeList<T>(string ResourceVersion, IReadOnlyList<T> Items);

/// <summary>What a watch tells.</summary>
public enum WatchEventType
{
    Added,
    Modified,
    Deleted,
    Bookmark,
}

/// <summary>One change seen by a watch. A bookmark's object holds nothing but its version.</summary>
public readonly record struct WatchEvent<T>(WatchEventType Type, T Object);
