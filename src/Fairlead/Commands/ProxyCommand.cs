using System.CommandLine;
using System.Net;
using Fairlead.CommandLine;
using Fairlead.Kube.Client;
using Fairlead.Kube.State;
using Fairlead.Proxy;

namespace Fairlead.Commands;

/// <summary><c>fairlead proxy</c>: the service proxy alone, in the place of kube-proxy.</summary>
internal sealed class ProxyCommand : FairleadCommand
{
    private readonly Option<string?> _kubeconfig = NodeOptions.Kubeconfig();
    private readonly Option<string> _node = NodeOptions.NodeName("--hostname-override", "--node-name");
    private readonly Option<IReadOnlyList<IPNetwork>> _cluster = RangeOption.CreateList("--cluster-cidr", "the range of all pods, or one of each address family", new ServiceProxyOptions().ClusterCidrs[0].ToString());
    private readonly Option<IReadOnlyList<IPNetwork>> _external = RangeOption.CreateAny("--service-external-ip-range", "ranges that spec.externalIPs of Services may be of [default: none]");
    private readonly Option<string> _mode = new("--proxy-mode") { Description = "how Services get into the kernel: nftables", HelpName = "MODE", DefaultValueFactory = _ => new ProxyOptions().Mode };
    private readonly Option<int> _health = new("--healthz-port") { Description = "port of /healthz, /livez and /metrics; 0 for none", HelpName = "PORT", DefaultValueFactory = _ => new ProxyOptions().HealthPort };
    private readonly Option<bool> _cleanup = new("--cleanup") { Description = "remove everything that a proxy made on this node, and end" };

    public ProxyCommand()
        : base("proxy", "The service proxy alone, in the place of kube-proxy, beside any pod network.")
    {
        foreach (Option option in new Option[] { _kubeconfig, _node, _cluster, _external, _mode, _health, _cleanup })
        {
            Options.Add(option);
        }

        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead proxy --kubeconfig /etc/fairlead/kubeconfig --cluster-cidr 10.244.0.0/16", "Services of this node, beside another pod network"),
        ("fairlead proxy --cleanup", "remove the rules that a proxy made here"),
    ];

    private Task<int> RunAsync(ParseResult parsed, CancellationToken ct) => RoleRun.RunAsync("proxy", async logging =>
    {
        var cleanup = parsed.GetValue(_cleanup);
        await ProxyRole.RunAsync(
            new ProxyOptions
            {
                Api = cleanup ? null : KubeConfig.Resolve(parsed.GetValue(_kubeconfig)),
                Mode = parsed.GetValue(_mode)!,
                HealthPort = parsed.GetValue(_health),
                Cleanup = cleanup,
                Proxy = new ServiceProxyOptions { NodeName = parsed.GetValue(_node)!, ClusterCidrs = parsed.GetValue(_cluster)!.ToEquatableArray(), ExternalIPs = parsed.GetValue(_external)!.ToEquatableArray(), Loggers = logging },
            },
            ct);
    });
}
