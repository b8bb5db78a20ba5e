using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins.Chained;

/// <summary>Admits the container's addresses to be forwarded, and keeps networks apart; the rules are <see cref="FirewallTable"/>'s.</summary>
internal sealed class FirewallPlugin : IPlugin
{
    public CniResult Add(PluginCall call)
    {
        var previous = ChainedCall.Previous(call);
        var config = Config.Read(call);
        var mark = AttachmentMark.Of(call);
        using var rollback = new Rollback(call.Host);
        rollback.Push("admission", () => FirewallTable.Remove(call.Nftables, call.Config.Name, mark.IsSameAs));
        FirewallTable.Add(call.Nftables, mark, ContainerAddresses(previous), config.Admission(call.Nftables, previous));
        if (config.Policy == IngressPolicy.Isolated)
        {
            SetIsolated(call);
        }

        rollback.Disarm();
        return previous;
    }

    /// <summary>Refuses options that make no sense.</summary>
    public static void Verify(PluginCall call) => _ = Config.Read(call);

    public void Delete(PluginCall call) => FirewallTable.Remove(
        call.Nftables, call.Config.Name, AttachmentMark.Of(call).IsSameAs, call.Config.Previous is { } previous ? ContainerAddresses(previous).Select(a => a.Address) : null);

    public void Check(PluginCall call)
    {
        var previous = call.Config.Previous!;
        var config = Config.Read(call);
        if (FirewallTable.Missing(call.Nftables, AttachmentMark.Of(call), ContainerAddresses(previous), config.Admission(call.Nftables, previous)) is { } missing)
        {
            throw PodInterface.Changed(missing);
        }
    }

    public void Status(PluginCall call)
    {
        _ = Config.Read(call);
        try
        {
            _ = call.Nftables.Generation();
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.NotAvailable, $"nftables cannot be used: {e.Message}", inner: e);
        }
    }

    public void CollectGarbage(PluginCall call, ImmutableArray<CniAttachmentKey> valid)
    {
        var network = call.Config.Name;
        FirewallTable.Remove(call.Nftables, network, mark => mark?.IsStale(network, valid) == true);
    }

    /// <summary>Those that are inside: the host's ends have addresses in results too.</summary>
    private static List<CniAddress> ContainerAddresses(CniResult result)
        => [.. result.Addresses.Where(a => a.Interface is not ({ } index and >= 0) || index >= result.Interfaces.Length || result.Interfaces[index].Sandbox.Length > 0)];

    /// <summary>Containers of one bridge meet on the bridge and not in the host's rules: so its port is isolated.</summary>
    private static void SetIsolated(PluginCall call)
    {
        using var host = RouteSocket.Open();
        var cable = ChainedCall.GetCable(call, host)
            ?? throw call.Config.Root["ingressPolicy"].Fault("isolated needs a container on a bridge, by a veth pair");
        host.SetLink(cable.Index, new LinkChange { Isolated = true });
    }

    private enum IngressPolicy
    {
        Open,
        SameBridge,
        Isolated,
    }

    private sealed record Config(IngressPolicy Policy, string AdminChain, bool? InIptables, ConfigNode PolicyNode)
    {
        private const string DefaultAdminChain = "CNI-ADMIN";
        private const int LongestChain = 28; // what iptables takes

        public static Config Read(PluginCall call)
        {
            var root = call.Config.Root;
            var adminChain = root["iptablesAdminChainName"].Text();
            bool? inIptables = root["backend"].Text() switch
            {
                "iptables" => true,
                "nftables" => false,
                "" => adminChain.Length > 0 ? true : null,
                "firewalld" => throw CniException.NotImplemented("backend: firewalld", "leave it out; nftables rules stand beside firewalld's"),
                var backend => throw root["backend"].Fault($"'{backend}' is none of nftables and iptables"),
            };
            var chain = adminChain.Length > 0 ? adminChain : DefaultAdminChain;
            if (!CniNames.IsName(chain) || chain.Length > LongestChain || chain is "forward" or IptablesForward.Hook)
            {
                throw root["iptablesAdminChainName"].Fault($"'{chain}' cannot be the name of a chain");
            }

            var policy = root["ingressPolicy"];
            return new Config(policy.Text() switch
            {
                "" or "open" => IngressPolicy.Open,
                "same-bridge" => IngressPolicy.SameBridge,
                "isolated" => IngressPolicy.Isolated,
                var other => throw policy.Fault($"'{other}' is none of open, same-bridge and isolated"),
            }, chain, inIptables, policy);
        }

        /// <summary>Where nothing is said of it, a host whose containers are in the tables of iptables stays with those.</summary>
        public Admission Admission(NftablesSocket socket, CniResult previous)
            => new(Bridge(previous), Policy == IngressPolicy.SameBridge, AdminChain, InIptables ?? IptablesForward.IsInUse(socket));

        /// <summary>The bridge of the result that is to be kept; null where the policy keeps none.</summary>
        private string? Bridge(CniResult previous)
        {
            if (Policy == IngressPolicy.Open)
            {
                return null;
            }

            using var host = RouteSocket.Open();
            return previous.Interfaces.FirstOrDefault(i => i.Sandbox.Length == 0 && CniNames.InterfaceNameFault(i.Name) is null && host.FindLink(i.Name)?.Kind == "bridge")?.Name
                ?? throw PolicyNode.Fault("needs a network with a bridge, and prevResult has none");
        }
    }
}
