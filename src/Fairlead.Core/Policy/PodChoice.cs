using Fairlead.Kube.Objects;
using Fairlead.Kube.Selectors;
using Fairlead.Kube.State;

namespace Fairlead.Core.Policy;

/// <summary>Pods by their labels, in one namespace or in those that labels choose.</summary>
/// <param name="Namespace">The one namespace; null where <paramref name="Namespaces"/> chooses.</param>
/// <param name="Namespaces">What a namespace's labels must be.</param>
/// <param name="Pods">What a pod's labels must be; null for all pods.</param>
internal sealed record PodChoice(string? Namespace, LabelSelector? Namespaces, LabelSelector? Pods)
{
    /// <summary>Another text for another choice.</summary>
    public string Text { get; } = $"{Namespace}|{(Namespaces is null ? "-" : LabelSelectors.Format(Namespaces))}|{(Pods is null ? "" : LabelSelectors.Format(Pods))}";

    public bool Includes(PolicyPod pod, EquatableMap namespaceLabels)
        => (Namespace is null ? LabelSelectors.Matches(Namespaces, namespaceLabels) : Namespace == pod.Key.Namespace)
            && (Pods is null || LabelSelectors.Matches(Pods, pod.Labels));

    // By the text: it is compared often, and selectors that are written differently may well count as two.
    public bool Equals(PodChoice? other) => other is not null && Text == other.Text;

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);
}
