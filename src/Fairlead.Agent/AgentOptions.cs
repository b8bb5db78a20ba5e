using System.Net;
using Fairlead.Agent.Overlay;
using Fairlead.Core.Nodes;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.Core.Services;
using Fairlead.Kube.Client;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.Agent;

/// <summary>What <c>fairlead agent</c> is told.</summary>
public sealed record AgentOptions
{
    public const int DefaultHealthPort = 10256;

    /// <summary>Where the API is: <see cref="KubeConfig.Resolve"/> of <c>--kubeconfig</c>. Not needed for <see cref="Cleanup"/>.</summary>
    public KubeConfig? Api { get; init; }

    /// <summary>The name of this node's object.</summary>
    public string NodeName { get; init; } = "";

    /// <summary>Where container runtimes look for network configurations.</summary>
    public string CniConfDir { get; init; } = "/etc/cni/net.d";

    /// <summary>Where they look for plugins. Nothing is installed there by the agent; it warns where the plugins are missing.</summary>
    public string CniBinDir { get; init; } = "/opt/cni/bin";

    /// <summary>What must outlive a restart: which pod has which address.</summary>
    public string StateDir { get; init; } = "/var/lib/fairlead";

    /// <summary>Where the container runtime remembers what it has added (<c>results</c> below it): a pod that it knows keeps its address.</summary>
    public string CniCacheDir { get; init; } = "/var/lib/cni";

    /// <summary>The Unix socket on which plugins ask.</summary>
    public string CniSocket { get; init; } = "/run/fairlead/cni.sock";

    /// <summary>The ranges of all pods of the cluster, at most one of each family: traffic that stays inside them keeps its source.</summary>
    public EquatableArray<IPNetwork> ClusterCidrs { get; init; } = [IPNetwork.Parse("10.32.0.0/12")];

    /// <summary>The first of <see cref="ClusterCidrs"/>.</summary>
    public IPNetwork ClusterCidr { get => ClusterCidrs[0]; init => ClusterCidrs = [value]; }

    /// <summary>The ranges of Services' virtual addresses, at most one of each family.</summary>
    public EquatableArray<IPNetwork> ServiceCidrs { get; init; } = [IPNetwork.Parse("10.96.0.0/12")];

    /// <summary>The first of <see cref="ServiceCidrs"/>.</summary>
    public IPNetwork ServiceCidr { get => ServiceCidrs[0]; init => ServiceCidrs = [value]; }

    /// <summary>Ranges outside of the cluster that see the pods' own addresses: a data centre's that has routes to them, for instance.</summary>
    public EquatableArray<IPNetwork> NonMasqueradeCidrs { get; init; }

    /// <summary>Ranges that spec.externalIPs of Services may be of; none by default, since the field lets a namespace's user take any address.</summary>
    public EquatableArray<IPNetwork> ExternalIPs { get; init; }

    /// <summary>Who divides <see cref="ClusterCidrs"/> over the nodes: <c>cluster</c> (<c>spec.podCIDRs</c> of the Node) or <c>fairlead</c> (each node takes blocks).</summary>
    public string Ipam { get; init; } = "cluster";

    /// <summary>The prefix length of an IPv4 block, with <c>fairlead</c>.</summary>
    public int BlockSize { get; init; } = 24;

    /// <summary>The prefix length of an IPv6 block, with <c>fairlead</c>.</summary>
    public int BlockSizeIPv6 { get; init; } = 64;

    /// <summary>How packets get to other nodes: <c>vxlan</c>, <c>host-gw</c>, <c>wireguard</c>, <c>none</c>, or <c>auto</c> for what the underlay allows.</summary>
    public string Overlay { get; init; } = "vxlan";

    /// <summary>How Services get into the kernel: <c>nftables</c>; <c>none</c> leaves them to another proxy.</summary>
    public string ProxyMode { get; init; } = "nftables";

    /// <summary>The port of <c>/healthz</c>, <c>/livez</c>, <c>/readyz</c> and <c>/metrics</c> on all addresses; 0 for none.</summary>
    public int HealthPort { get; init; } = DefaultHealthPort;

    /// <summary>Removes all that an agent ever made on this node, and ends.</summary>
    public bool Cleanup { get; init; }

    /// <summary>The node's network; null for this process's own. Several nodes may so live in one process, as in tests.</summary>
    public NetworkNamespace? Network { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    public ILoggerFactory Loggers { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Where host-local keeps which address is whose.</summary>
    internal string Leases => Path.Combine(StateDir, "cni", "networks");

    /// <summary>Which namespaces have network policies: what a plugin goes by that finds no agent.</summary>
    internal string PolicyNamespacesFile => Path.Combine(StateDir, "policy-namespaces");

    /// <summary>Everything wrong with these, each with its remedy; empty where nothing is.</summary>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (!Cleanup)
        {
            if (Api is null)
            {
                faults.Add("no API server: give --kubeconfig FILE, or run in a pod with a service account");
            }

            if (NodeName.Length == 0)
            {
                faults.Add("no node name: give --node-name NAME, the name of this machine's Node object");
            }
        }

        faults.AddRange(RangeFaults());
        if (!OverlayKinds.TryParse(Overlay, out _))
        {
            faults.Add($"--overlay {Overlay} is unknown; there are: {OverlayKinds.Choices}");
        }

        if (ProxyMode is not ("nftables" or "none"))
        {
            faults.Add($"--proxy-mode {ProxyMode} is unknown; there are: nftables, none");
        }

        if (HealthPort is < 0 or > 65535)
        {
            faults.Add($"--health-port {HealthPort} is not between 0 and 65535");
        }

        return faults;
    }

    private IEnumerable<string> RangeFaults()
    {
        foreach (var (option, ranges) in new[] { ("--cluster-cidr", ClusterCidrs), ("--service-cidr", ServiceCidrs) })
        {
            if (ranges.IsEmpty || ranges.GroupBy(r => r.BaseAddress.AddressFamily).Any(g => g.Count() > 1))
            {
                yield return $"{option} {string.Join(',', ranges)} must have one range, or one of each address family";
            }
        }

        foreach (var (cluster, service) in ClusterCidrs.SelectMany(c => ServiceCidrs.Select(s => (c, s))).Where(p => PodRanges.Overlap(p.c, p.s)))
        {
            yield return $"--cluster-cidr {cluster} and --service-cidr {service} overlap: a Service's address could be a pod's; choose ranges that do not";
        }

        if (Ipam is not ("cluster" or "fairlead"))
        {
            yield return $"--ipam {Ipam} is unknown; there are: cluster, fairlead";
        }
        else if (Ipam == "fairlead")
        {
            foreach (var fault in ClusterCidrs.Select(r => BlockPool.Fault(r, BlockPrefixOf(r))).OfType<string>())
            {
                yield return $"--block-size: {fault}";
            }
        }
    }

    /// <summary>What the nodes divide, with <c>fairlead</c>.</summary>
    internal IReadOnlyList<BlockPool> Pools() => [.. ClusterCidrs.Select(r => new BlockPool(r, BlockPrefixOf(r)))];

    private int BlockPrefixOf(IPNetwork range) => range.BaseAddress.Family == IPFamily.IPv4 ? BlockSize : BlockSizeIPv6;
}
