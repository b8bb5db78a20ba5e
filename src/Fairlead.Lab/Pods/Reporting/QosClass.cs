using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Lab.Pods.Reporting;

/// <summary>How a pod would be treated when memory runs short; the lab reports it and does not act on it.</summary>
internal static class QosClass
{
    public static string Of(PodSpec spec)
    {
        var containers = spec.InitContainers.Concat(spec.Containers).ToList();
        if (containers.All(c => c.Resources is null || (c.Resources.Limits.IsEmpty && c.Resources.Requests.IsEmpty)))
        {
            return "BestEffort";
        }

        return containers.All(c => IsGuaranteed(c, "cpu") && IsGuaranteed(c, "memory")) ? "Guaranteed" : "Burstable";
    }

    private static bool IsGuaranteed(Container container, string resource)
        => Quantity.TryParse(container.Resources?.Limits.Find(resource), out var limit)
            && (container.Resources!.Requests.Find(resource) is not { } request || (Quantity.TryParse(request, out var asked) && asked == limit));
}
