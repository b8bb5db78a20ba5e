using System.Collections.Concurrent;
using Fairlead.ApiServer.Pods;
using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods;

/// <summary>Gives the API server the logs of all pods of a lab. Made before the runtimes, which fill it.</summary>
public sealed class PodStreams : IPodStreams
{
    private readonly ConcurrentDictionary<ObjectKey, PodWorker> _pods = new();

    public Task<PodLogResult> OpenLogAsync(string @namespace, string pod, string container, PodLogOptions options, CancellationToken ct)
        => Task.FromResult(_pods.TryGetValue(new ObjectKey(@namespace, pod), out var worker)
            ? worker.OpenLog(container, options, ct)
            : PodLogResult.Refused(404, "NotFound", $"pod \"{pod}\" does not run on a node of this lab"));

    internal void Add(ObjectKey key, PodWorker worker) => _pods[key] = worker;

    /// <summary>Removes this worker; a newer pod of the same name stays.</summary>
    internal void Remove(ObjectKey key, PodWorker worker) => _pods.TryRemove(KeyValuePair.Create(key, worker));
}
