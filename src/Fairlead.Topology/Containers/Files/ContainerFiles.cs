using System.Net;
using System.Text;
using Fairlead.Cni.Launcher;
using Fairlead.Topology.Containers.Kernel;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers.Files;

/// <summary>How a container finds the addresses of names.</summary>
/// <param name="Conf">Its <c>/etc/resolv.conf</c>.</param>
/// <param name="NeedsResolver">Whether it asks a resolver of ours.</param>
/// <param name="Upstreams">Where that one asks.</param>
internal sealed record NamePlan(ResolvConf Conf, bool NeedsResolver, IReadOnlyList<string> Upstreams)
{
    public static NamePlan For(ContainerOptions options, NetworkRecord? network, ResolvConf host)
    {
        IReadOnlyList<string> asked = options.Dns.Count > 0 ? options.Dns : host.Nameservers;
        if (network is null)
        {
            return new NamePlan(host with { Nameservers = asked }, false, []);
        }

        // A resolver on the host's own loopback is out of a container's reach, but not out of ours.
        var reachable = asked.All(a => !IPAddress.TryParse(a, out var address) || !IPAddress.IsLoopback(address));
        if (network.IsDefault && reachable)
        {
            return new NamePlan(host with { Nameservers = asked }, false, []);
        }

        var conf = host with { Nameservers = [ContainerNetwork.ResolverAddress.ToString()], Options = [.. host.Options.Where(o => !o.StartsWith("ndots:", StringComparison.Ordinal)), "ndots:0"] };
        return new NamePlan(conf, true, network.Internal ? [] : asked);
    }
}

/// <summary>The files by which a container knows itself and finds others.</summary>
internal static class ContainerFiles
{
    private static readonly string[] s_names = ["hostname", "resolv.conf", "hosts"];

    private const string Header =
        """
        127.0.0.1	localhost
        ::1	localhost ip6-localhost ip6-loopback
        fe00::0	ip6-localnet
        ff00::0	ip6-mcastprefix
        ff02::1	ip6-allnodes
        ff02::2	ip6-allrouters

        """;

    /// <summary>Writes them beside the container's record.</summary>
    public static void Write(ContainerStore store, ContainerRecord container, ResolvConf conf, string hostsOfHost)
    {
        File.WriteAllText(store.FileOf(container.Id, "hostname"), container.HostName + "\n");
        File.WriteAllText(store.FileOf(container.Id, "resolv.conf"), conf.ToString());
        File.WriteAllText(store.FileOf(container.Id, "hosts"), container.Options.Network == NetworkNames.Host ? hostsOfHost : Hosts(container));
    }

    /// <summary>The mounts that bring them into the container.</summary>
    public static IEnumerable<PodMount> Mounts(ContainerStore store, ContainerRecord container)
        => s_names.Select(name => new PodMount { Source = store.FileOf(container.Id, name), Target = $"/etc/{name}" });

    /// <summary>The names of a network's members: name, host name and aliases of each.</summary>
    public static string Members(IEnumerable<ContainerRecord> members)
    {
        var text = new StringBuilder();
        foreach (var member in members)
        {
            foreach (var address in member.InterfaceAddresses)
            {
                text.Append(address.Address).Append('\t')
                    .AppendJoin(' ', new[] { member.Name, member.HostName, Naming.Short(member.Id) }.Concat(member.Options.Aliases).Distinct(StringComparer.OrdinalIgnoreCase))
                    .Append('\n');
            }
        }

        return text.ToString();
    }

    private static string Hosts(ContainerRecord container)
    {
        var text = new StringBuilder(Header);
        foreach (var address in container.InterfaceAddresses)
        {
            text.Append(address.Address).Append('\t').Append(container.HostName).Append('\n');
        }

        return text.ToString();
    }
}
