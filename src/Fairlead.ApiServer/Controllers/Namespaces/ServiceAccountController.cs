using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Namespaces;

/// <summary>Gives every namespace what each of its pods needs: the <c>default</c> service account and the cluster's certificate.</summary>
internal sealed class ServiceAccountController
{
    private const string Account = "default";
    private const string Certificate = "kube-root-ca.crt";
    private const string Description = "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints.";

    private readonly ControllerContext _context;
    private readonly KeyedLoop<string> _loop;

    public ServiceAccountController(ControllerContext context)
        => (_context, _loop) = (context, new("serviceaccount", SyncAsync, context.Time, context.Logger));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(_context.Informers.Namespaces, (_, ns) => ns is null ? [] : [ns.Metadata.Name], ct),
        _loop.FollowAsync(_context.Informers.ServiceAccounts, (before, after) => after is null ? Named(before!, Account) : [], ct),
        _loop.FollowAsync(_context.Informers.ConfigMaps, (before, after) => Named((after ?? before)!, Certificate), ct),
        _loop.RunAsync(ct));

    private static IEnumerable<string> Named(PartialObject obj, string name) => obj.Metadata.Name == name ? [obj.Metadata.Namespace] : [];

    private async Task SyncAsync(string name, CancellationToken ct)
    {
        if (_context.Informers.Namespaces.Snapshot.Current.Find("", name) is not { IsTerminating: false })
        {
            return;
        }

        if (_context.Informers.ServiceAccounts.Snapshot.Current.Find(name, Account) is null)
        {
            await CreateAsync(
                KubeResources.ServiceAccounts, new ServiceAccount { Metadata = new() { Name = Account, Namespace = name } }, ct);
        }

        if (_context.Options.RootCertificatePem is not { } certificate)
        {
            return;
        }

        // Only metadata of ConfigMaps is kept here; so this one is read, which happens once a namespace and after each change of it.
        var known = _context.Informers.ConfigMaps.Snapshot.Current.Find(name, Certificate) is null
            ? null
            : await _context.Client.FindAsync(KubeResources.ConfigMaps, name, Certificate, ct);
        if (known is null)
        {
            await CreateAsync(
                KubeResources.ConfigMaps,
                new ConfigMap
                {
                    Metadata = new()
                    {
                        Name = Certificate,
                        Namespace = name,
                        Annotations = EquatableMap.Of(("kubernetes.io/description", Description)),
                    },
                    Data = EquatableMap.Of(("ca.crt", certificate)),
                },
                ct);
        }
        else if (known.Data.Find("ca.crt") != certificate)
        {
            var patch = new JsonObject { ["data"] = new JsonObject { ["ca.crt"] = certificate } };
            await _context.Client.PatchAsync(KubeResources.ConfigMaps, name, Certificate, patch, ct: ct);
        }
    }

    private async Task CreateAsync<T>(KubeResource<T> resource, T obj, CancellationToken ct)
        where T : class, IKubeObject
    {
        try
        {
            await _context.Client.CreateAsync(resource, obj, ct);
        }
        catch (KubeException e) when (e.IsAlreadyExists || e.IsNotFound)
        {
            // It is there and the store does not show it yet; or the namespace went meanwhile.
        }
        catch (KubeException e) when (e.Code == 403 && e.Message.Contains("terminat", StringComparison.Ordinal))
        {
            // The namespace is about to go.
        }
    }
}
