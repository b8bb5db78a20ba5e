using System.Globalization;
using System.Net;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;
using Fairlead.Lab.Nodes;
using Fairlead.Lab.Stages;
using Fairlead.Lab.State;

namespace Fairlead.Lab;

/// <summary>Looks at a lab from outside: its record, and its API server where that answers.</summary>
public static class LabInspector
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private static readonly string[] s_systemNamespaces = ["kube-system", "fairlead-ingress"];

    /// <summary>What runs where.</summary>
    public static async Task<LabStatus> InspectAsync(LabPaths paths, LabRecord record, TimeProvider time, CancellationToken ct)
    {
        var alive = LabHost.IsAlive(record);
        var (nodes, pods) = alive ? await AskAsync(paths, time, ct) : ([], []);
        var underlay = record.Underlay();
        return new LabStatus
        {
            Name = record.Name,
            State = alive ? record.State : "dead",
            Kubeconfig = paths.KubeConfig,
            ApiServer = string.Create(CultureInfo.InvariantCulture, $"https://127.0.0.1:{record.ApiPort}"),
            ProcessId = record.ProcessId,
            PodCidr = record.Options.PodCidr,
            ServiceCidr = record.Options.ServiceCidr,
            ClusterDns = AddressRange.At(IPNetwork.Parse(record.Options.ServiceCidr), 10).ToString(),
            Host = underlay.HostAddress.ToString(),
            Router = underlay.RouterNamespace,
            Ingress = IngressOf(underlay, record),
            Nodes = [.. underlay.Nodes.Select(n => NodeOf(n, nodes.FirstOrDefault(k => k.Metadata.Name == n.Name), record))],
            Parts = [.. pods.Select(PartOf)],
            Timings = record.Timings,
            Notes = record.Notes,
            Try = TryThese(record, underlay),
        };
    }

    private static LabIngress IngressOf(UnderlayPlan underlay, LabRecord record)
    {
        string[] hosts = [.. underlay.Nodes.Take(1).Select(n => n.Address.ToString()), .. record.Notes.Any(n => n.StartsWith("127.0.0.1:30080 ", StringComparison.Ordinal)) ? Array.Empty<string>() : ["127.0.0.1"]];
        return new LabIngress([.. hosts.Select(h => $"http://{h}:30080")], [.. hosts.Select(h => $"https://{h}:30443")]);
    }

    private static IReadOnlyList<string> TryThese(LabRecord record, UnderlayPlan underlay) =>
    [
        "kubectl get pods -A -o wide",
        "kubectl apply -f examples/online-store/",
        $"curl {IngressOf(underlay, record).Http[^1]}/wear",
    ];

    private static LabNode NodeOf(UnderlayNode node, Node? known, LabRecord record) => new(
        node.Name,
        node.Namespace,
        node.Address.ToString(),
        known is { Spec.PodCIDR: { Length: > 0 } range } ? range : null,
        known is not null && Readiness.IsReady(known),
        record.Agents.TryGetValue(node.Name, out var agent) ? agent.ProcessId : null);

    private static LabPart PartOf(Pod pod) => new(
        pod.Key.ToString(),
        pod.Spec.NodeName,
        pod.Status.PodIP,
        pod.Status.Conditions.Any(c => c.Type == "Ready" && c.Status == "True") ? "Ready" : pod.Status.Phase);

    /// <summary>Nodes and system pods; nothing where the API server does not answer, because a status must always come.</summary>
    private static async Task<(IReadOnlyList<Node> Nodes, IReadOnlyList<Pod> Pods)> AskAsync(LabPaths paths, TimeProvider time, CancellationToken ct)
    {
        using var client = new KubeClient(KubeConfig.UnixSocket(paths.ApiSocket), time);
        using var patience = new CancellationTokenSource(s_patience, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct, patience.Token);
        try
        {
            var nodes = await client.ListAsync(KubeResources.Nodes, ct: both.Token);
            var pods = new List<Pod>();
            foreach (var ns in s_systemNamespaces)
            {
                pods.AddRange((await client.ListAsync(KubeResources.Pods, ns, ct: both.Token)).Items);
            }

            return (nodes.Items, pods);
        }
        catch (Exception e) when (e is HttpRequestException or KubeException or IOException || (e is OperationCanceledException && !ct.IsCancellationRequested))
        {
            return ([], []);
        }
    }
}
