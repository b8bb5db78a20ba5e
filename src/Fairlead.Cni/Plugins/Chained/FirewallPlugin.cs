using System.Collections.Immutable;
using System.Net;
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
        using var firewalld = config.FindFirewalld(call.Host);
        var (addresses, how) = (ContainerAddresses(previous), config.Admission(call.Nftables, previous, firewalld is not null));
        rollback.Push("admission", () => Remove(call, mark.IsSameAs));
        FirewallTable.Add(call.Nftables, mark, addresses, how);
        if (how.Backend == FirewallBackend.Firewalld)
        {
            firewalld!.Add(config.Zone, addresses.Select(a => a.Address));
        }

        if (config.Policy == IngressPolicy.Isolated)
        {
            SetIsolated(call);
        }

        rollback.Disarm();
        return previous;
    }

    /// <summary>Refuses options that make no sense.</summary>
    public static void Verify(PluginCall call) => _ = Config.Read(call);

    public void Delete(PluginCall call)
        => Remove(call, AttachmentMark.Of(call).IsSameAs, call.Config.Previous is { } previous ? ContainerAddresses(previous).Select(a => a.Address) : null);

    public void Check(PluginCall call)
    {
        var previous = call.Config.Previous!;
        var config = Config.Read(call);
        using var firewalld = config.FindFirewalld(call.Host);
        var (addresses, how) = (ContainerAddresses(previous), config.Admission(call.Nftables, previous, firewalld is not null));
        if (FirewallTable.Missing(call.Nftables, AttachmentMark.Of(call), addresses, how) is { } missing)
        {
            throw PodInterface.Changed(missing);
        }

        if (how.Backend == FirewallBackend.Firewalld && firewalld!.Missing(config.Zone, addresses.Select(a => a.Address)) is { } address)
        {
            throw PodInterface.Changed($"{address} is not in firewalld's zone '{config.Zone}' any more");
        }
    }

    public void Status(PluginCall call)
    {
        Config.Read(call).FindFirewalld(call.Host)?.Dispose();
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
        Remove(call, mark => mark?.IsStale(network, valid) == true);
    }

    private static void Remove(PluginCall call, Func<AttachmentMark?, bool> matches, IEnumerable<IPAddress>? known = null)
    {
        // Without reading the other options: what an ADD would have refused must be no hindrance.
        var told = FirewallTable.Remove(call.Nftables, call.Config.Name, matches, known);
        if (told.Count > 0)
        {
            using var firewalld = Firewalld.Find(call.Host);
            firewalld?.Remove(Config.ZoneOf(call), told);
        }
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

    /// <param name="Backend">Null where nothing is said of it.</param>
    private sealed record Config(IngressPolicy Policy, string AdminChain, FirewallBackend? Backend, string Zone, ConfigNode Root)
    {
        private const string DefaultAdminChain = "CNI-ADMIN";
        private const string DefaultZone = "trusted";
        private const int LongestChain = 28; // what iptables takes

        public static Config Read(PluginCall call)
        {
            var root = call.Config.Root;
            FirewallBackend? backend = root["backend"].Text() switch
            {
                "" => null,
                "iptables" => FirewallBackend.Iptables,
                "nftables" => FirewallBackend.Nftables,
                "firewalld" => FirewallBackend.Firewalld,
                var other => throw root["backend"].Fault($"'{other}' is none of nftables, iptables and firewalld"),
            };
            var chain = root["iptablesAdminChainName"].Text() is { Length: > 0 } name ? name : DefaultAdminChain;
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
            }, chain, backend, ZoneOf(call), root);
        }

        public static string ZoneOf(PluginCall call) => call.Config.Root["firewalldZone"].Text() is { Length: > 0 } zone ? zone : DefaultZone;

        /// <summary>firewalld, where it may be what admits; null where it does not run or another is asked for.</summary>
        public Firewalld? FindFirewalld(CniHost host) => Backend switch
        {
            null => FirewalldIfAny(host),
            FirewallBackend.Firewalld => Firewalld.Find(host) ?? throw new CniException(CniErrorCode.NotAvailable, "backend: firewalld does not run on this host"),
            _ => null,
        };

        private static Firewalld? FirewalldIfAny(CniHost host)
        {
            try
            {
                return Firewalld.Find(host);
            }
            catch (IOException)
            {
                return null; // nobody asked for it
            }
        }

        /// <summary>
        /// Where nothing is said of it: firewalld where that runs, as the reference plugin has it; then the tables of iptables where a chain of
        /// the administrator's is named or containers are in them already; else our own.
        /// </summary>
        public Admission Admission(NftablesSocket socket, CniResult previous, bool hasFirewalld)
        {
            var backend = Backend
                ?? (hasFirewalld ? FirewallBackend.Firewalld
                    : Root["iptablesAdminChainName"].Text().Length > 0 || IptablesForward.IsInUse(socket) ? FirewallBackend.Iptables
                    : FirewallBackend.Nftables);
            return new Admission(Bridge(previous), Policy == IngressPolicy.SameBridge, AdminChain, backend);
        }

        /// <summary>The bridge of the result that is to be kept; null where the policy keeps none.</summary>
        private string? Bridge(CniResult previous)
        {
            if (Policy == IngressPolicy.Open)
            {
                return null;
            }

            using var host = RouteSocket.Open();
            return previous.Interfaces.FirstOrDefault(i => i.Sandbox.Length == 0 && CniNames.InterfaceNameFault(i.Name) is null && host.FindLink(i.Name)?.Kind == "bridge")?.Name
                ?? throw Root["ingressPolicy"].Fault("needs a network with a bridge, and prevResult has none");
        }
    }
}
