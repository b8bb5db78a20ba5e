using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.Selectors;

namespace Fairlead.ApiServer.Controllers.Workloads;

/// <summary>Which owners an object's change touches.</summary>
internal static class WorkloadKeys
{
    /// <summary>The owner of a pod before and after; for one that nobody owns, those who would adopt it.</summary>
    public static IEnumerable<ObjectKey> OfPod(Pod? before, Pod? after, string kind, Func<Pod, IEnumerable<IKubeObject>> candidates)
    {
        foreach (var key in Of(before, after, kind))
        {
            yield return key;
        }

        if (after is not null && after.Controller is null)
        {
            foreach (var candidate in candidates(after))
            {
                yield return candidate.Key;
            }
        }
    }

    /// <summary>The owner of an object before and after.</summary>
    public static IEnumerable<ObjectKey> Of(IKubeObject? before, IKubeObject? after, string kind)
    {
        var (old, current) = (OwnerKey(before, kind), OwnerKey(after, kind));
        if (current is { } now)
        {
            yield return now;
        }

        if (old is { } then && old != current)
        {
            yield return then;
        }
    }

    /// <summary>Those in the object's namespace whose selector takes it.</summary>
    public static IEnumerable<IKubeObject> Selecting<T>(Store<T> store, IKubeObject obj, Func<T, LabelSelector?> selector)
        where T : class, IKubeObject
        => store.Values.Where(
            o => o.Metadata.Namespace == obj.Metadata.Namespace && LabelSelectors.Matches(selector(o), obj.Metadata.Labels));

    private static ObjectKey? OwnerKey(IKubeObject? obj, string kind)
        => obj?.Controller is { } owner && owner.Kind == kind ? new ObjectKey(obj.Metadata.Namespace, owner.Name) : null;
}
