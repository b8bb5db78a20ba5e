using System.CommandLine;
using System.Net;
using Fairlead.Agent;
using Fairlead.CommandLine;
using Fairlead.Kube.Client;
using Fairlead.Kube.State;

namespace Fairlead.Commands;

/// <summary><c>fairlead agent</c>: the pod network and the Services of one node.</summary>
internal sealed class AgentCommand : FairleadCommand
{
    private static readonly AgentOptions s_defaults = new();

    private readonly Option<string?> _kubeconfig = NodeOptions.Kubeconfig();
    private readonly Option<string> _node = NodeOptions.NodeName("--node-name");
    private readonly Option<string> _conf = new("--cni-conf-dir") { Description = "where the container runtime looks for CNI configurations", HelpName = "DIR", DefaultValueFactory = _ => s_defaults.CniConfDir };
    private readonly Option<string> _bin = new("--cni-bin-dir") { Description = "where the container runtime looks for CNI plugins", HelpName = "DIR", DefaultValueFactory = _ => s_defaults.CniBinDir };
    private readonly Option<string> _state = new("--state-dir") { Description = "where the node's address reservations are kept", HelpName = "DIR", DefaultValueFactory = _ => s_defaults.StateDir };
    private readonly Option<string> _cache = new("--cni-cache-dir") { Description = "where the container runtime remembers which pods it has added to networks", HelpName = "DIR", DefaultValueFactory = _ => s_defaults.CniCacheDir };
    private readonly Option<string> _socket = new("--cni-socket") { Description = "the Unix socket on which the node's CNI plugins ask the agent", HelpName = "PATH", DefaultValueFactory = _ => s_defaults.CniSocket };
    private readonly Option<IReadOnlyList<IPNetwork>> _cluster = RangeOption.CreateList("--cluster-cidr", "the range of all pods, or one of each address family", s_defaults.ClusterCidr.ToString());
    private readonly Option<IReadOnlyList<IPNetwork>> _service = RangeOption.CreateList("--service-cidr", "the range of Services, or one of each address family", s_defaults.ServiceCidr.ToString());
    private readonly Option<string> _ipam = new("--ipam") { Description = "who divides --cluster-cidr over the nodes: cluster (spec.podCIDRs), or fairlead (each node takes blocks)", HelpName = "MODE", DefaultValueFactory = _ => s_defaults.Ipam };
    private readonly Option<int> _block = new("--block-size") { Description = "prefix length of an IPv4 block, with --ipam fairlead", HelpName = "BITS", DefaultValueFactory = _ => s_defaults.BlockSize };
    private readonly Option<int> _block6 = new("--block-size-ipv6") { Description = "prefix length of an IPv6 block, with --ipam fairlead", HelpName = "BITS", DefaultValueFactory = _ => s_defaults.BlockSizeIPv6 };
    private readonly Option<IReadOnlyList<IPNetwork>> _plain = RangeOption.CreateAny("--non-masquerade-cidr", "ranges outside of the cluster that see the pods' own addresses [default: none]");
    private readonly Option<IReadOnlyList<IPNetwork>> _external = RangeOption.CreateAny("--service-external-ip-range", "ranges that spec.externalIPs of Services may be of [default: none]");
    private readonly Option<string> _overlay = new("--overlay") { Description = "the path between nodes: auto, vxlan, host-gw, wireguard, or none for routes that others make", HelpName = "KIND", DefaultValueFactory = _ => s_defaults.Overlay };
    private readonly Option<string> _mode = new("--proxy-mode") { Description = "how Services get into the kernel: nftables, or none", HelpName = "MODE", DefaultValueFactory = _ => s_defaults.ProxyMode };
    private readonly Option<int> _health = new("--health-port") { Description = "port of /healthz, /livez, /readyz and /metrics", HelpName = "PORT", DefaultValueFactory = _ => AgentOptions.DefaultHealthPort };
    private readonly Option<bool> _cleanup = new("--cleanup") { Description = "remove everything that the agent made on this node, and end" };

    public AgentCommand()
        : base("agent", "The node agent: pod addresses, overlay, routes, masquerade, CNI configuration and Services of one node.")
    {
        foreach (Option option in new Option[] { _kubeconfig, _node, _conf, _bin, _state, _cache, _socket, _cluster, _service, _plain, _external, _ipam, _block, _block6, _overlay, _mode, _health, _cleanup })
        {
            Options.Add(option);
        }

        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead agent --kubeconfig /etc/fairlead/kubeconfig", "the agent of this machine"),
        ("fairlead agent --cleanup", "remove the overlay, rules and configuration that an agent made here"),
    ];

    private Task<int> RunAsync(ParseResult parsed, CancellationToken ct) => RoleRun.RunAsync("agent", async logging =>
    {
        var cleanup = parsed.GetValue(_cleanup);
        await AgentRole.RunAsync(
            new AgentOptions
            {
                Api = cleanup ? null : KubeConfig.Resolve(parsed.GetValue(_kubeconfig)),
                NodeName = parsed.GetValue(_node)!,
                CniConfDir = parsed.GetValue(_conf)!,
                CniBinDir = parsed.GetValue(_bin)!,
                StateDir = parsed.GetValue(_state)!,
                CniCacheDir = parsed.GetValue(_cache)!,
                CniSocket = parsed.GetValue(_socket)!,
                ClusterCidrs = parsed.GetValue(_cluster)!.ToEquatableArray(),
                ServiceCidrs = parsed.GetValue(_service)!.ToEquatableArray(),
                ExternalIPs = parsed.GetValue(_external)!.ToEquatableArray(),
                NonMasqueradeCidrs = parsed.GetValue(_plain)!.ToEquatableArray(),
                Ipam = parsed.GetValue(_ipam)!,
                BlockSize = parsed.GetValue(_block),
                BlockSizeIPv6 = parsed.GetValue(_block6),
                Overlay = parsed.GetValue(_overlay)!,
                ProxyMode = parsed.GetValue(_mode)!,
                HealthPort = parsed.GetValue(_health),
                Cleanup = cleanup,
                Loggers = logging,
            },
            ct);
    });
}
