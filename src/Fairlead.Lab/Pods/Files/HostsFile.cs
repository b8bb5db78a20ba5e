using System.Text;

namespace Fairlead.Lab.Pods.Files;

/// <summary>The text of a pod's <c>/etc/hosts</c>, byte for byte as kubelet writes it.</summary>
internal static class HostsFile
{
    private const string Header =
        """
        # Kubernetes-managed hosts file.
        127.0.0.1	localhost
        ::1	localhost ip6-localhost ip6-loopback
        fe00::0	ip6-localnet
        fe00::0	ip6-mcastprefix
        fe00::1	ip6-allnodes
        fe00::2	ip6-allrouters

        """;

    public static string ForPod(IEnumerable<string> podIPs, string hostname, string? domain, IEnumerable<(string IP, IReadOnlyList<string> Names)> aliases)
    {
        var text = new StringBuilder(Header);
        foreach (var ip in podIPs)
        {
            text.Append(ip).Append('\t');
            if (!string.IsNullOrEmpty(domain))
            {
                text.Append(hostname).Append('.').Append(domain).Append('\t');
            }

            text.Append(hostname).Append('\n');
        }

        return Append(text, aliases);
    }

    /// <summary>A pod in the node's network keeps the node's names.</summary>
    public static string ForHostNetwork(string nodeHosts, IEnumerable<(string IP, IReadOnlyList<string> Names)> aliases)
        => Append(new StringBuilder("# Kubernetes-managed hosts file (host network).\n").Append(nodeHosts), aliases);

    private static string Append(StringBuilder text, IEnumerable<(string IP, IReadOnlyList<string> Names)> aliases)
    {
        var first = true;
        foreach (var (ip, names) in aliases)
        {
            text.Append(first ? "\n# Entries added by HostAliases.\n" : "");
            text.Append(ip).Append('\t').AppendJoin('\t', names).Append('\n');
            first = false;
        }

        return text.ToString();
    }
}
