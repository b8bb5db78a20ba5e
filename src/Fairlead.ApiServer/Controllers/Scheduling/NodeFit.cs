using System.Globalization;
using Fairlead.Kube.Objects;
using Fairlead.Kube.Selectors;
using Fairlead.Kube.State;

namespace Fairlead.ApiServer.Controllers.Scheduling;

/// <summary>Whether a node suits a pod, and if not, in Kubernetes' words, why.</summary>
internal static class NodeFit
{
    /// <summary>The selector and the required node affinity, both.</summary>
    public static bool MatchesSelector(PodSpec pod, Node node)
    {
        if (!LabelSelectors.Matches(pod.NodeSelector, node.Metadata.Labels))
        {
            return false;
        }

        if (pod.Affinity?.NodeAffinity?.RequiredDuringSchedulingIgnoredDuringExecution is not { } required)
        {
            return true;
        }

        foreach (var term in required.NodeSelectorTerms)
        {
            if (Matches(term, node))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The first taint with one of the effects that the pod does not bear, or null.</summary>
    public static Taint? Untolerated(IEnumerable<Toleration> tolerations, Node node, params ReadOnlySpan<string> effects)
    {
        foreach (var taint in node.Spec.Taints)
        {
            if (effects.Contains(taint.Effect) && !tolerations.Any(t => Tolerates(t, taint)))
            {
                return taint;
            }
        }

        return null;
    }

    public static bool Tolerates(Toleration toleration, Taint taint)
        => (string.IsNullOrEmpty(toleration.Effect) || toleration.Effect == taint.Effect)
            && (string.IsNullOrEmpty(toleration.Key) ? toleration.Operator == "Exists" : toleration.Key == taint.Key)
            && (toleration.Operator == "Exists" || (toleration.Value ?? "") == (taint.Value ?? ""));

    public static bool IsReady(Node node) => node.Status.Conditions.Any(c => c is { Type: "Ready", Status: "True" });

    /// <summary>The host ports that a pod takes.</summary>
    public static IEnumerable<HostPort> HostPorts(PodSpec pod)
    {
        foreach (var container in pod.Containers)
        {
            foreach (var port in container.Ports)
            {
                // A container in the node's own network has each of its ports there, named as host port or not.
                var number = port.HostPort != 0 ? port.HostPort : pod.HostNetwork ? port.Port : 0;
                if (number != 0)
                {
                    yield return new(number, port.Protocol ?? "TCP", string.IsNullOrEmpty(port.HostIP) ? "0.0.0.0" : port.HostIP);
                }
            }
        }
    }

    /// <summary>How many pods the node takes; unlimited if it does not say.</summary>
    public static int PodLimit(Node node)
        => int.TryParse(node.Status.Allocatable.Find("pods"), NumberStyles.None, CultureInfo.InvariantCulture, out var pods)
            ? pods
            : int.MaxValue;

    private static bool Matches(NodeSelectorTerm term, Node node)
    {
        // An empty term matches nothing, as the API has it.
        if (term.MatchExpressions.IsEmpty && term.MatchFields.IsEmpty)
        {
            return false;
        }

        var fields = EquatableMap.Of(("metadata.name", node.Metadata.Name));
        return term.MatchExpressions.All(e => LabelSelectors.Matches(e, node.Metadata.Labels))
            && term.MatchFields.All(f => LabelSelectors.Matches(f, fields));
    }
}

/// <summary>A port of a node that a pod takes.</summary>
internal readonly record struct HostPort(int Port, string Protocol, string Address)
{
    /// <summary>Whether both cannot be on one node.</summary>
    public bool ConflictsWith(HostPort other)
        => Port == other.Port && Protocol == other.Protocol
            && (Address == other.Address || Address == "0.0.0.0" || other.Address == "0.0.0.0");
}
