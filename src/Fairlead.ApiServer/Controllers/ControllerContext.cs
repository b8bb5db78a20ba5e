using Fairlead.Kube.Client;
using Fairlead.Kube.Events;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Microsoft.Extensions.Logging;

namespace Fairlead.ApiServer.Controllers;

/// <summary>What every controller is given.</summary>
internal sealed record ControllerContext(
    KubeClient Client, SharedInformers Informers, EventRecorder Events, ControllerOptions Options, TimeProvider Time, ILogger Logger)
{
    private static readonly TimeSpan s_seenLimit = TimeSpan.FromSeconds(5);

    public DateTimeOffset Now => Time.GetUtcNow();

    /// <summary>Deletes an object, and waits until the informer knows.</summary>
    public async Task DeleteAsync<T>(Informer<T> informer, KubeResource<T> resource, T obj, DeleteOptions? options, CancellationToken ct)
        where T : class, IKubeObject
    {
        await Client.DeleteAsync(
            resource, obj.Metadata.Namespace, obj.Metadata.Name, (options ?? new()) with { Uid = obj.Metadata.Uid }, ct);
        var key = new ObjectKey(obj.Metadata.Namespace, obj.Metadata.Name);
        await informer.UntilAsync(
            store => store.Find(key) is not { } left || left.Metadata.Uid != obj.Metadata.Uid || left.IsTerminating, s_seenLimit, ct);
    }
}
