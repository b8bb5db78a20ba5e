using Fairlead.Kube.Events;
using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods.Reporting;

/// <summary>Tells people what happens to pods and their containers, as kubelet's Events do.</summary>
internal sealed class PodEvents(EventRecorder recorder)
{
    public void Normal(Pod pod, string? container, string reason, string message) => Record(pod, container, "Normal", reason, message);

    public void Warning(Pod pod, string? container, string reason, string message) => Record(pod, container, "Warning", reason, message);

    private void Record(Pod pod, string? container, string type, string reason, string message)
        => recorder.Record(
            new ObjectReference
            {
                ApiVersion = pod.ApiVersion,
                Kind = pod.Kind,
                Namespace = pod.Metadata.Namespace,
                Name = pod.Metadata.Name,
                Uid = pod.Metadata.Uid,
                ResourceVersion = pod.Metadata.ResourceVersion,
                FieldPath = container is null ? null
                    : pod.Spec.InitContainers.Any(c => c.Name == container) ? $"spec.initContainers{{{container}}}"
                    : $"spec.containers{{{container}}}",
            },
            type, reason, message);
}
