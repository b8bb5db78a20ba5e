using Fairlead.Kube.Objects;

namespace Fairlead.Core.Routing;

/// <summary>Decides which Ingresses are ours, and with whose semantics.</summary>
internal sealed class IngressClassSelector
{
    private const string ClassAnnotation = "kubernetes.io/ingress.class";
    private const string DefaultAnnotation = "ingressclass.kubernetes.io/is-default-class";

    private readonly RoutingSettings _settings;
    private readonly IReadOnlyDictionary<ObjectKey, IngressClass> _classes;
    private readonly IngressClass? _default;

    public IngressClassSelector(RoutingSettings settings, IReadOnlyDictionary<ObjectKey, IngressClass> classes)
    {
        _settings = settings;
        _classes = classes;

        // Of several defaults the newest counts, as in the API server's own admission.
        _default = classes.Values
            .Where(c => c.Metadata.Annotations.Find(DefaultAnnotation) is "true")
            .OrderByDescending(c => c.Metadata.CreationTimestamp ?? DateTimeOffset.MinValue)
            .ThenBy(c => c.Metadata.Name, StringComparer.Ordinal)
            .FirstOrDefault();
    }

    /// <summary>Whether an Ingress is ours.</summary>
    /// <param name="isNginx">Its paths are to be read as nginx reads them.</param>
    /// <param name="fault">Why it is not, when its author seems to mean us.</param>
    public bool IsOurs(Ingress ingress, out bool isNginx, out string? fault)
    {
        fault = null;
        isNginx = true;
        if (ingress.Spec.IngressClassName is { Length: > 0 } name)
        {
            if (_classes.TryGetValue(new ObjectKey("", name), out var named))
            {
                return Serves(named, out isNginx);
            }

            fault = string.Equals(name, _settings.IngressClass, StringComparison.Ordinal)
                ? $"IngressClass {name} does not exist; the Ingress has no effect until it does."
                : null;
            return false;
        }

        // The old annotation wins over the default class: whoever writes it has chosen.
        if (ingress.Metadata.Annotations.Find(ClassAnnotation) is { Length: > 0 } old)
        {
            return string.Equals(old, _settings.IngressClass, StringComparison.Ordinal);
        }

        return _default is not null ? Serves(_default, out isNginx) : _settings.WatchWithoutClass;
    }

    private bool Serves(IngressClass candidate, out bool isNginx)
    {
        var controller = candidate.Spec.Controller;
        isNginx = !string.Equals(controller, RoutingSettings.OwnController, StringComparison.Ordinal);
        return !isNginx || string.Equals(controller, _settings.ControllerClass, StringComparison.Ordinal);
    }
}
