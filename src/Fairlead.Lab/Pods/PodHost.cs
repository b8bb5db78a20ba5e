using System.Collections.Immutable;
using Fairlead.Cni.Runtime;
using Fairlead.Kube.Client;
using Fairlead.Lab.Pods.Leftovers;
using Fairlead.Lab.Pods.Probes;
using Fairlead.Lab.Pods.Reporting;
using Fairlead.Lab.Pods.Sandboxes;
using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.Pods;

/// <summary>What all pods of one node share.</summary>
internal sealed record PodHost
{
    public required PodRuntimeOptions Options { get; init; }

    public required KubeClient Client { get; init; }

    public required NetworkNamespace Node { get; init; }

    public required CniRuntime Network { get; init; }

    public required NetworkReadiness Readiness { get; init; }

    public required PodInputSource Inputs { get; init; }

    public required LeftoverRegistry Leftovers { get; init; }

    public required PodEvents Events { get; init; }

    public required NetworkChecks Checks { get; init; }

    /// <summary>What the node has, as its Node object says it.</summary>
    public required ImmutableSortedDictionary<string, string> Resources { get; init; }

    public required TimeProvider Time { get; init; }

    public required ILogger Logger { get; init; }
}
