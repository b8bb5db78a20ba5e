using Fairlead.Lab.Pods.Files;
using Fairlead.Topology.Containers.Files;

namespace Fairlead.Tests.Pods;

public sealed class PodFilesTests
{
    [Fact]
    public void Hosts_is_byte_for_byte_what_kubelet_writes()
        => Assert.Equal(
            "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\nfe00::0\tip6-localnet\n"
            + "fe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n10.32.0.7\tweb\n",
            HostsFile.ForPod(["10.32.0.7"], "web", null, []));

    [Fact]
    public void A_subdomain_and_aliases_add_their_names()
        => Assert.EndsWith(
            "10.32.0.7\tweb.db.shop.svc.cluster.local\tweb\n\n# Entries added by HostAliases.\n10.1.1.1\ta\tb\n10.1.1.2\tc\n",
            HostsFile.ForPod(["10.32.0.7"], "web", "db.shop.svc.cluster.local", [("10.1.1.1", ["a", "b"]), ("10.1.1.2", ["c"])]),
            StringComparison.Ordinal);

    [Fact]
    public void A_pod_in_the_nodes_network_has_the_nodes_names()
        => Assert.Equal(
            "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost\n",
            HostsFile.ForHostNetwork("127.0.0.1 localhost\n", []));

    [Fact]
    public void Cluster_names_come_first_with_five_dots()
        => Assert.Equal(
            "search shop.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n",
            ResolvConf.Cluster("shop", "10.96.0.10", "cluster.local").ToString());

    [Fact]
    public void DnsConfig_adds_servers_and_searches_once_and_overrides_options()
    {
        var conf = ResolvConf.Cluster("shop", "10.96.0.10", "cluster.local")
            .With(["10.96.0.10", "9.9.9.9"], ["svc.cluster.local", "lab.example"], [("ndots", "2"), ("edns0", null)]);

        Assert.Equal(
            "search shop.svc.cluster.local svc.cluster.local cluster.local lab.example\nnameserver 10.96.0.10\nnameserver 9.9.9.9\noptions ndots:2 edns0\n",
            conf.ToString());
    }

    [Fact]
    public void The_nodes_own_resolver_settings_are_read_as_the_C_library_reads_them()
    {
        var conf = ResolvConf.Parse("# made by hand\nsearch old\nnameserver 192.0.2.1\n\tnameserver\t192.0.2.2\noptions rotate timeout:1\nsearch a b\nsortlist 1.2.3.4\n");

        Assert.Equal("search a b\nnameserver 192.0.2.1\nnameserver 192.0.2.2\noptions rotate timeout:1\n", conf.ToString());
    }
}
