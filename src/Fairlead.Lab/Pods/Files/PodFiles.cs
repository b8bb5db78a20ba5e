using Fairlead.Kube.Objects;
using Fairlead.Lab.Pods.Variables;
using Fairlead.Topology.Containers.Files;

namespace Fairlead.Lab.Pods.Files;

/// <summary>Writes the files by which a pod knows itself and resolves names.</summary>
internal static class PodFiles
{
    /// <summary>Writes <c>hosts</c>, <c>resolv.conf</c> and <c>hostname</c>; they are mounted file by file, so each is written in place.</summary>
    public static void Write(Pod pod, PodAddresses addresses, PodFolder folder, PodRuntimeOptions options)
    {
        Directory.CreateDirectory(folder.Root);
        var hostName = PodNames.HostName(pod, options.NodeName);
        var aliases = pod.Spec.HostAliases.Select(a => (a.Ip, (IReadOnlyList<string>)a.Hostnames));
        File.WriteAllText(folder.HostName, hostName + "\n");
        File.WriteAllText(
            folder.Hosts,
            pod.Spec.HostNetwork
                ? HostsFile.ForHostNetwork(ReadOrEmpty(options.NodeHosts), aliases)
                : HostsFile.ForPod(addresses.PodIPs, hostName, PodNames.Domain(pod, options.ClusterDomain), aliases));
        File.WriteAllText(folder.ResolvConf, Resolver(pod, options).ToString());
    }

    internal static ResolvConf Resolver(Pod pod, PodRuntimeOptions options)
    {
        var policy = pod.Spec.DnsPolicy ?? "ClusterFirst";
        var isOfCluster = policy == "ClusterFirstWithHostNet" || (policy == "ClusterFirst" && !pod.Spec.HostNetwork);
        var conf = policy == "None" ? ResolvConf.Empty
            : isOfCluster ? ResolvConf.Cluster(pod.Metadata.Namespace, options.ClusterDns, options.ClusterDomain)
            : ResolvConf.Parse(ReadOrEmpty(options.NodeResolvConf));
        return pod.Spec.DnsConfig is { } more
            ? conf.With(more.Nameservers, more.Searches, more.Options.Select(o => (o.Name, o.Value)))
            : conf;
    }

    private static string ReadOrEmpty(string path) => File.Exists(path) ? File.ReadAllText(path) : "";
}
