namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>The plugins that come after another in a chain.</summary>
public sealed class ReferenceChainedTests : ReferenceComparison
{
    private const string Port = "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\"}]}";

    private static readonly ReferenceCase[] s_table =
    [
        Of("portmap", "a port", Port) with { Difference = ReferenceDifferences.ChecksRight },
        Of("portmap", "no ports", ""),
        Of("portmap", "a port in an older version", Port, "0.3.1"),
        Of("portmap", "without snat", $"\"snat\":false,{Port}") with { Difference = ReferenceDifferences.ChecksRight },
        Of("portmap", "another bit of the mark", $"\"markMasqBit\":7,{Port}") with { Difference = ReferenceDifferences.ChecksRight },
        Of("portmap", "another's chain that marks", $"\"externalSetMarkChain\":\"OTHERS\",\"snat\":false,{Port}") with { Difference = ReferenceDifferences.ChecksRight },
        Of("portmap", "another's chain and a bit of the mark", $"\"externalSetMarkChain\":\"OTHERS\",\"markMasqBit\":13,{Port}") with { Difference = ReferenceDifferences.DeletesAnyway, Code = 7 },
        Of("portmap", "conditions", $"\"conditionsV4\":[\"!\",\"-s\",\"192.0.2.0/24\"],{Port}") with { Difference = ReferenceDifferences.ChecksRight },
        Of("portmap", "capitals as containerd writes them", "\"runtimeConfig\":{\"portMappings\":[{\"HostPort\":8081,\"ContainerPort\":80,\"Protocol\":\"tcp\",\"HostIP\":\"\"}]}") with { Difference = ReferenceDifferences.ChecksRight },
        Of("portmap", "a port that is too large", "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":80800,\"containerPort\":80,\"protocol\":\"tcp\"}]}") with { Code = 7 },
        Of("portmap", "a port that is text", "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":\"80\",\"containerPort\":80,\"protocol\":\"tcp\"}]}") with { Difference = ReferenceDifferences.DeletesAnyway, Code = 6 },
        Of("portmap", "a container port of 0", "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":80,\"containerPort\":0,\"protocol\":\"tcp\"}]}") with { Difference = ReferenceDifferences.DeletesAnyway, Code = 7 },
        Of("portmap", "a protocol that is none", "\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":80,\"containerPort\":80,\"protocol\":\"icmp\"}]}") with { Code = 7 },
        Of("portmap", "a mark bit that is none", $"\"markMasqBit\":40,{Port}") with { Difference = ReferenceDifferences.DeletesAnyway, Code = 7 },
        Of("bandwidth", "both directions", "\"ingressRate\":1000000,\"ingressBurst\":80000,\"egressRate\":2000000,\"egressBurst\":80000") with { Difference = ReferenceDifferences.RatesGone(ingress: true, egress: true) },
        Of("bandwidth", "one direction", "\"ingressRate\":1000000,\"ingressBurst\":80000") with { Difference = ReferenceDifferences.RatesGone(ingress: true, egress: false) },
        Of("bandwidth", "the other direction", "\"egressRate\":3333333,\"egressBurst\":1600000") with { Difference = ReferenceDifferences.RatesGone(ingress: false, egress: true) },
        Of("bandwidth", "by runtimeConfig", "\"runtimeConfig\":{\"bandwidth\":{\"ingressRate\":1000000,\"ingressBurst\":80000}}") with { Difference = ReferenceDifferences.RatesGone(ingress: true, egress: false) },
        Of("bandwidth", "nothing to limit", "") with { Difference = ReferenceDifferences.Crash("CHECK", "CHECK: done") },
        Of("bandwidth", "a rate without a burst", "\"ingressRate\":1000000") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Of("bandwidth", "a burst without a rate", "\"ingressBurst\":1000000") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Of("bandwidth", "a rate below zero", "\"ingressRate\":-1,\"ingressBurst\":1") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Of("firewall", "as it is", ""),
        Of("firewall", "backend iptables", "\"backend\":\"iptables\""),
        Of("firewall", "an administrator's chain", "\"iptablesAdminChainName\":\"OURS\""),
        Of("firewall", "a zone of firewalld that does not run", "\"firewalldZone\":\"public\""),
        Of("firewall", "a backend that is none", "\"backend\":\"pf\"") with { Difference = ReferenceDifferences.UnknownBackend },
        Of("firewall", "an ingressPolicy that is none", "\"ingressPolicy\":\"closed\"") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Of("tuning", "nothing", ""),
        Of("tuning", "a setting", "\"sysctl\":{\"net.ipv4.conf.eth0.arp_filter\":\"1\"}"),
        Of("tuning", "a setting outside net", "\"sysctl\":{\"kernel.hostname\":\"x\"}") with { Code = 7 },
        Of("tuning", "a setting that is not there", "\"sysctl\":{\"net.none\":\"1\"}") with { Code = 7 },
        Of("tuning", "mtu", "\"mtu\":1300") with { Difference = ReferenceDifferences.TuningNote("\"mtu\":1500") },
        Of("tuning", "mac", "\"mac\":\"02:00:00:00:0b:01\"") with { Difference = ReferenceDifferences.TuningNote("\"mac\":\"02:00:00:00:00:02\"") },
        Of("tuning", "mtu by args.cni", "\"mtu\":1300,\"args\":{\"cni\":{\"mtu\":1200}}") with { Difference = ReferenceDifferences.TuningNote("\"mtu\":1500") },
        Of("tuning", "a setting by args.cni", "\"sysctl\":{\"net.ipv4.conf.eth0.arp_filter\":\"0\"},\"args\":{\"cni\":{\"sysctl\":{\"net.ipv4.conf.eth0.arp_filter\":\"1\"}}}"),
        Of("tuning", "mac by args.cni before runtimeConfig", "\"runtimeConfig\":{\"mac\":\"02:00:00:00:0b:02\"},\"args\":{\"cni\":{\"mac\":\"02:00:00:00:0b:03\"}}") with { Difference = ReferenceDifferences.TuningNote("\"mac\":\"02:00:00:00:00:02\"") },
        Of("tuning", "promisc and allmulti by args.cni", "\"args\":{\"cni\":{\"promisc\":true,\"allmulti\":true}}") with { Difference = ReferenceDifferences.TuningNote("\"promisc\":false,\"allmulti\":false") },
        Of("tuning", "mac by runtimeConfig", "\"runtimeConfig\":{\"mac\":\"02:00:00:00:0b:02\"}") with { Difference = ReferenceDifferences.TuningNote("\"mac\":\"02:00:00:00:00:02\"") },
        Of("tuning", "promisc", "\"promisc\":true") with { Difference = ReferenceDifferences.TuningNote("\"promisc\":false") },
        Of("tuning", "allmulti", "\"allmulti\":true") with { Difference = ReferenceDifferences.TuningNote("\"allmulti\":false") },
        Of("sbr", "as it is", "") with { Difference = ReferenceDifferences.RuleGone },
        .. from plugin in new[] { "portmap", "bandwidth", "firewall", "tuning", "sbr" }
           select Of(plugin, "no result before it", "") with { Config = $$"""{"cniVersion":"1.0.0","name":"net","type":"{{plugin}}"}""", Code = 7, Difference = plugin == "bandwidth" ? ReferenceDifferences.Crash("ADD", "ADD: refused, code 7") : null },
        .. from plugin in new[] { "portmap", "bandwidth", "firewall", "tuning", "sbr" }
           select Of(plugin, "DEL without a namespace, twice", "") with { Verbs = "DEL DEL", Variables = new Dictionary<string, string> { ["CNI_NETNS"] = "" }, Difference = plugin == "sbr" ? ReferenceDifferences.DeletesTwice : null },
    ];

    public static TheoryData<string> Names => [.. s_table.Select(c => c.Name)];

    [Theory, MemberData(nameof(Names))]
    public Task Chained_plugins_do_alike(string name) => CompareAsync(s_table.Single(c => c.Name == name));

    private static ReferenceCase Of(string plugin, string name, string more, string version = "1.0.0")
        => Networks.Chained(plugin, plugin == "tuning" ? $"\"dataDir\":\"$DATA\"{(more.Length == 0 ? "" : ",")}{more}" : more, version) with { Name = $"{plugin}: {name}" };
}
