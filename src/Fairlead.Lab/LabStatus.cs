using System.Text.Json;
using System.Text.Json.Serialization;
using Fairlead.Lab.State;

namespace Fairlead.Lab;

/// <summary>What runs where in a lab: the answer of <c>fairlead up</c> and <c>fairlead status</c>.</summary>
public sealed record LabStatus
{
    public required string Name { get; init; }

    /// <summary><c>starting</c>, <c>ready</c>, <c>stopping</c>, or <c>dead</c> when the lab's process was killed.</summary>
    public required string State { get; init; }

    /// <summary>The file for <c>KUBECONFIG</c>.</summary>
    public required string Kubeconfig { get; init; }

    public required string ApiServer { get; init; }

    /// <summary>The process that holds the lab.</summary>
    public required int ProcessId { get; init; }

    public required string PodCidr { get; init; }

    public required string ServiceCidr { get; init; }

    /// <summary>The cluster DNS address.</summary>
    public required string ClusterDns { get; init; }

    /// <summary>Where the ingress controller is reached.</summary>
    public required LabIngress Ingress { get; init; }

    /// <summary>The host's own address on the lab's link: how nodes and pods see the machine.</summary>
    public required string Host { get; init; }

    /// <summary>The namespace of the router between the subnets.</summary>
    public required string Router { get; init; }

    public required IReadOnlyList<LabNode> Nodes { get; init; }

    /// <summary>The pods of the cluster's own parts.</summary>
    public required IReadOnlyList<LabPart> Parts { get; init; }

    /// <summary>How long each part took to come up.</summary>
    public required IReadOnlyList<LabTiming> Timings { get; init; }

    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>Three commands to go on with.</summary>
    public required IReadOnlyList<string> Try { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, LabStatusJson.Default.LabStatus);
}

/// <summary>Where the ingress controller is reached from the host.</summary>
/// <param name="Http">URLs for plain HTTP, the node's first.</param>
/// <param name="Https">URLs for HTTPS.</param>
public sealed record LabIngress(IReadOnlyList<string> Http, IReadOnlyList<string> Https);

/// <summary>One node.</summary>
/// <param name="Name">Its name in Kubernetes.</param>
/// <param name="Namespace">Its network namespace.</param>
/// <param name="Address">Its address on the underlay.</param>
/// <param name="PodCidr">The range of its pods; null until it has one.</param>
/// <param name="Ready">Whether Kubernetes calls it Ready.</param>
/// <param name="AgentProcessId">Its agent's process; null while it is down.</param>
public sealed record LabNode(string Name, string Namespace, string Address, string? PodCidr, bool Ready, int? AgentProcessId);

/// <summary>A pod of the cluster's own parts.</summary>
/// <param name="Name">Namespace and name.</param>
/// <param name="Node">Where it runs.</param>
/// <param name="Address">Its address.</param>
/// <param name="State">As <c>kubectl get pods</c> would say it: phase, and whether it is ready.</param>
public sealed record LabPart(string Name, string? Node, string? Address, string State);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(LabStatus))]
internal sealed partial class LabStatusJson : JsonSerializerContext;
