using System.Collections.Immutable;
using System.Text.Json;
using Fairlead.ApiServer.Controllers.Workloads;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Scheduling;

/// <summary>A pod and the node it is to run on.</summary>
internal readonly record struct Assignment(Pod Pod, string Node);

/// <summary>A pod that no node suits, and why.</summary>
internal readonly record struct Unschedulable(Pod Pod, string Message);

/// <summary>Where each waiting pod goes.</summary>
internal sealed record SchedulingPlan(ImmutableArray<Assignment> Bind, ImmutableArray<Unschedulable> Refuse);

/// <summary>Spreads pods over the nodes that suit them.</summary>
/// <remarks>
/// Pods go in turns: to the node with the fewest pods of the same owner, of those to the one with the fewest pods, of
/// those to the first by name. This needs no memory of the last turn, so that a restart changes nothing.
/// </remarks>
internal static class SchedulingPlanner
{
    public const string SchedulerName = "default-scheduler";

    /// <param name="assumed">Nodes, by pod uid, of pods whose binding the store does not show yet.</param>
    public static SchedulingPlan Plan(IEnumerable<Pod> pods, IEnumerable<Node> nodes, IReadOnlyDictionary<string, string> assumed)
    {
        var candidates = nodes.OrderBy(n => n.Metadata.Name, StringComparer.Ordinal).Select(n => new Candidate(n)).ToArray();
        var byName = candidates.ToDictionary(c => c.Node.Metadata.Name, StringComparer.Ordinal);
        var waiting = new List<Pod>();
        foreach (var pod in pods)
        {
            var node = pod.Spec.NodeName.Length > 0 ? pod.Spec.NodeName : assumed.GetValueOrDefault(pod.Metadata.Uid);
            if (node is not null)
            {
                if (!PodState.IsFinished(pod) && byName.TryGetValue(node, out var candidate))
                {
                    candidate.Take(pod);
                }
            }
            else if (IsMine(pod))
            {
                waiting.Add(pod);
            }
        }

        var bind = ImmutableArray.CreateBuilder<Assignment>();
        var refuse = ImmutableArray.CreateBuilder<Unschedulable>();
        foreach (var pod in waiting.OrderBy(p => p.Metadata.CreationTimestamp).ThenBy(p => p.Key))
        {
            var ports = NodeFit.HostPorts(pod.Spec).ToArray();
            var reasons = new List<string>();
            Candidate? best = null;
            foreach (var candidate in candidates)
            {
                if (candidate.WhyNot(pod, ports) is { } reason)
                {
                    reasons.Add(reason);
                }
                else if (best is null || candidate.Burden(pod).CompareTo(best.Burden(pod)) < 0)
                {
                    best = candidate;
                }
            }

            if (best is null)
            {
                refuse.Add(new(pod, Message(candidates.Length, reasons)));
            }
            else
            {
                best.Take(pod);
                bind.Add(new(pod, best.Node.Metadata.Name));
            }
        }

        return new(bind.ToImmutable(), refuse.ToImmutable());
    }

    /// <summary>What <c>kubectl describe</c> shows of a pod that waits.</summary>
    public static string Message(int nodes, IEnumerable<string> reasons)
    {
        var counted = reasons.CountBy(r => r, StringComparer.Ordinal).Select(r => $"{r.Value} {r.Key}").Order(StringComparer.Ordinal);
        return nodes == 0 ? "no nodes available to schedule pods" : $"0/{nodes} nodes are available: {string.Join(", ", counted)}.";
    }

    private static bool IsMine(Pod pod)
        => PodState.IsActive(pod)
            && (string.IsNullOrEmpty(pod.Spec.SchedulerName) || pod.Spec.SchedulerName == SchedulerName)
            && !(pod.Spec.Extra?.TryGetValue("schedulingGates", out var gates) == true
                && gates.ValueKind == JsonValueKind.Array && gates.GetArrayLength() > 0);

    /// <summary>A node and what is on it so far.</summary>
    private sealed class Candidate(Node node)
    {
        private readonly Dictionary<string, int> _byOwner = new(StringComparer.Ordinal);
        private readonly List<HostPort> _ports = [];
        private readonly int _limit = NodeFit.PodLimit(node);
        private int _pods;

        public Node Node { get; } = node;

        public (int OfOwner, int All) Burden(Pod pod) => (pod.Controller is { } owner ? _byOwner.GetValueOrDefault(owner.Uid) : 0, _pods);

        public void Take(Pod pod)
        {
            _pods++;
            _ports.AddRange(NodeFit.HostPorts(pod.Spec));
            if (pod.Controller is { } owner)
            {
                _byOwner[owner.Uid] = _byOwner.GetValueOrDefault(owner.Uid) + 1;
            }
        }

        public string? WhyNot(Pod pod, HostPort[] ports)
        {
            if (Node.Spec.Unschedulable && !pod.Spec.Tolerations.Any(t => NodeFit.Tolerates(t, s_cordon)))
            {
                return "node(s) were unschedulable";
            }

            if (NodeFit.Untolerated(pod.Spec.Tolerations, Node, "NoSchedule", "NoExecute") is { } taint)
            {
                return $"node(s) had untolerated taint {{{taint.Key}: {taint.Value}}}";
            }

            if (!NodeFit.IsReady(Node))
            {
                return "node(s) were not ready";
            }

            if (!NodeFit.MatchesSelector(pod.Spec, Node))
            {
                return "node(s) didn't match Pod's node affinity/selector";
            }

            if (ports.Any(p => _ports.Exists(p.ConflictsWith)))
            {
                return "node(s) didn't have free ports for the requested pod ports";
            }

            return _pods >= _limit ? "Too many pods" : null;
        }

        private static readonly Taint s_cordon = new() { Key = "node.kubernetes.io/unschedulable", Effect = "NoSchedule" };
    }
}
