using Fairlead.Core.Policy;
using Fairlead.Core.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Nftables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Policy;

/// <summary>Keeps the table <c>fairlead-policy</c> as the policies say.</summary>
internal sealed partial class PolicyReconciler(NetworkNamespace? network, ILogger<PolicyReconciler> logger) : IReconciler<PolicyTable>, IDisposable
{
    private readonly NftTableKeeper _keeper = new(NftFamily.Inet, PolicyRules.Table, network);

    private bool _logs = true;

    public string Name => "policy";

    /// <summary>What the kernel names our changes with.</summary>
    public uint PortId => _keeper.PortId;

    public Task ReconcileAsync(PolicyTable desired, CancellationToken ct)
    {
        if (desired.IsKnown && Keep(desired))
        {
            LogApplied(desired.Policies.Length, desired.Pods.Length);
        }

        return Task.CompletedTask;
    }

    /// <summary>Without samples of what is denied where the kernel has no log for programs: policies must be in force all the same.</summary>
    private bool Keep(PolicyTable desired)
    {
        try
        {
            return _keeper.Keep(PolicyRules.Compile(desired, _logs));
        }
        catch (LinuxException e) when (_logs && e.IsNotFound)
        {
            var changed = _keeper.Keep(PolicyRules.Compile(desired, logs: false));
            _logs = false; // it was that
            LogNoLog();
            return changed;
        }
    }

    public Task CleanAsync(CancellationToken ct)
    {
        _keeper.Remove();
        return Task.CompletedTask;
    }

    /// <summary>How many packets each group of policies has denied.</summary>
    public IReadOnlyDictionary<string, ulong> Denied()
        => _keeper.Rules().Where(r => r.Counts is not null).ToDictionary(r => r.Chain, r => r.Counts!.Value.Packets, StringComparer.Ordinal);

    public void Dispose() => _keeper.Dispose();

    [LoggerMessage(LogLevel.Warning, "The kernel cannot log packets to programs (CONFIG_NETFILTER_NETLINK_LOG): denied packets are counted, and no sample of them is logged")]
    private partial void LogNoLog();

    [LoggerMessage(LogLevel.Information, "Network policy in force: rules of {Policies} policies for {Pods} pods of this node")]
    private partial void LogApplied(int policies, int pods);
}
