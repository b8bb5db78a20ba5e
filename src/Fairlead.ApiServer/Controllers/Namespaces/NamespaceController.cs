using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Namespaces;

/// <summary>Empties namespaces that are to go, and lets them go once they are empty.</summary>
internal sealed class NamespaceController
{
    private const string Finalizer = "kubernetes";

    private readonly ControllerContext _context;
    private readonly KeyedLoop<string> _loop;

    public NamespaceController(ControllerContext context)
        => (_context, _loop) = (context, new("namespace", SyncAsync, context.Time, context.Logger));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        [
            _loop.FollowAsync(_context.Informers.Namespaces, (_, ns) => ns is { IsTerminating: true } ? [ns.Metadata.Name] : [], ct),
            _loop.RunAsync(ct),
            .. _context.Informers.All.Where(s => s.Resource.Namespaced).Select(s => s.FollowAsync(Changed, ct)),
        ]);

    /// <summary>Something in a namespace that is to go has gone, or has come in at the last moment.</summary>
    private void Changed(IKubeObject? before, IKubeObject? after)
    {
        var ns = (after ?? before)!.Metadata.Namespace;
        if (_context.Informers.Namespaces.Snapshot.Current.Find("", ns) is { IsTerminating: true } && (after is null || before is null))
        {
            _loop.Mark(ns);
        }
    }

    private async Task SyncAsync(string name, CancellationToken ct)
    {
        if (_context.Informers.Namespaces.Snapshot.Current.Find("", name) is not { IsTerminating: true } ns)
        {
            return;
        }

        var left = _context.Informers.All.Where(s => s.Resource.Namespaced)
            .Select(s => (s.Resource, Objects: s.Objects.Where(o => o.Metadata.Namespace == name).ToList())).ToList();
        if (left.Exists(l => l.Objects.Count > 0))
        {
            await Task.WhenAll(left.SelectMany(l => l.Objects.Where(o => !o.IsTerminating).Select(o => DeleteAsync(l.Resource, o, ct))));
            return;
        }

        // The stores may be a moment behind, and events are in none of them: so the server is asked before the last step.
        if (await EmptyAsync(name, ct))
        {
            await FinalizeAsync(ns, ct);
        }
        else
        {
            _loop.MarkAfter(name, TimeSpan.FromMilliseconds(100));
        }
    }

    private async Task<bool> EmptyAsync(string name, CancellationToken ct)
    {
        var empty = true;
        foreach (var resource in KubeResources.All.Where(r => r.Namespaced))
        {
            var list = await _context.Client.ListAsync(KubeResources.Partial(resource), name, ct: ct);
            foreach (var item in list.Items)
            {
                empty &= resource == (KubeResource)KubeResources.Events;
                await DeleteAsync(resource, item, ct);
            }
        }

        return empty;
    }

    private async Task DeleteAsync(KubeResource resource, IKubeObject obj, CancellationToken ct)
        => await _context.Client.DeleteAsync(
            resource, obj.Metadata.Namespace, obj.Metadata.Name, new() { PropagationPolicy = "Background" }, ct);

    private async Task FinalizeAsync(Namespace ns, CancellationToken ct)
    {
        var finalizers = ns.Spec.Finalizers.Where(f => f != Finalizer);
        var body = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Namespace",
            ["metadata"] = new JsonObject { ["name"] = ns.Metadata.Name },
            ["spec"] = new JsonObject { ["finalizers"] = new JsonArray([.. finalizers.Select(f => JsonValue.Create(f))]) },
        };
        try
        {
            await _context.Client.RequestAsync(HttpMethod.Put, KubeResources.Namespaces.Path(null, ns.Metadata.Name, "finalize"), body, ct);
        }
        catch (KubeException e) when (e.IsNotFound)
        {
            // It went while we looked.
        }
    }
}
