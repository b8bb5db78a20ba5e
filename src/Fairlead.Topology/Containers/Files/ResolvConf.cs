using System.Text;

namespace Fairlead.Topology.Containers.Files;

/// <summary>The resolver settings of a pod: what becomes its <c>/etc/resolv.conf</c>.</summary>
public sealed record ResolvConf(IReadOnlyList<string> Nameservers, IReadOnlyList<string> Searches, IReadOnlyList<string> Options)
{
    public static readonly ResolvConf Empty = new([], [], []);

    /// <summary>Cluster names first, five dots before a name counts as whole: kubelet's <c>ClusterFirst</c>.</summary>
    public static ResolvConf Cluster(string @namespace, string clusterDns, string clusterDomain)
        => new([clusterDns], [$"{@namespace}.svc.{clusterDomain}", $"svc.{clusterDomain}", clusterDomain], ["ndots:5"]);

    /// <summary>Reads a resolv.conf; what is not a nameserver, search or options line is passed over, as the C library does.</summary>
    public static ResolvConf Parse(string text)
    {
        List<string> nameservers = [];
        List<string> searches = [];
        List<string> options = [];
        foreach (var line in text.Split('\n'))
        {
            var words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
            switch (words)
            {
                case ["nameserver", var address, ..]:
                    nameservers.Add(address);
                    break;
                case ["search", ..]:
                    searches = [.. words[1..]];
                    break;
                case ["options", ..]:
                    options.AddRange(words[1..]);
                    break;
            }
        }

        return new ResolvConf(nameservers, searches, options);
    }

    /// <summary>Adds a pod's <c>dnsConfig</c>: its servers and searches after ours, its options over ours.</summary>
    public ResolvConf With(IEnumerable<string> nameservers, IEnumerable<string> searches, IEnumerable<(string Name, string? Value)> options)
    {
        var merged = Options.ToList();
        foreach (var (name, value) in options)
        {
            merged.RemoveAll(o => o.Split(':')[0] == name);
            merged.Add(string.IsNullOrEmpty(value) ? name : $"{name}:{value}");
        }

        return new ResolvConf([.. Nameservers.Union(nameservers, StringComparer.Ordinal)], [.. Searches.Union(searches, StringComparer.Ordinal)], merged);
    }

    public override string ToString()
    {
        var text = new StringBuilder();
        if (Searches.Count > 0)
        {
            text.Append("search ").AppendJoin(' ', Searches).Append('\n');
        }

        foreach (var server in Nameservers)
        {
            text.Append("nameserver ").Append(server).Append('\n');
        }

        if (Options.Count > 0)
        {
            text.Append("options ").AppendJoin(' ', Options).Append('\n');
        }

        return text.ToString();
    }
}
