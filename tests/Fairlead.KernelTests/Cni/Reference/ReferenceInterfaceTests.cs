namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>The options of the plugins that make an interface, in the form that every runtime speaks today (1.0.0).</summary>
public sealed class ReferenceInterfaceTests : ReferenceComparison
{
    private const string Bridge0 = "link add br0 address 02:00:00:00:00:09 type bridge\nlink set br0 up";

    private static readonly ReferenceCase[] s_table =
    [
        Bridge("without addresses", "", "") with { Difference = ReferenceDifferences.ChecksRight },
        Bridge("with an address and no gateway"),
        Bridge("isGateway", "\"isGateway\":true"),
        Bridge("isDefaultGateway", "\"isDefaultGateway\":true"),
        Bridge("isGateway with routes", "\"isGateway\":true", "\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"10.8.0.0/16\"}]") with { Difference = ReferenceDifferences.ChecksRight },
        Bridge("isGateway with an explicit gateway", "\"isGateway\":true", "\"subnet\":\"10.1.0.0/24\",\"gateway\":\"10.1.0.99\""),
        Bridge("IPv6 alone", "\"isDefaultGateway\":true", "\"subnet\":\"fd00:1::/64\""),
        Bridge("both families", "\"isDefaultGateway\":true", Networks.Ranges("10.1.0.0/24", "fd00:1::/64")),
        Bridge("two IPv4 ranges", "\"isGateway\":true", Networks.Ranges("10.1.0.0/24", "10.2.0.0/24")) with { Difference = ReferenceDifferences.TwoGateways },
        Bridge("mtu", "\"mtu\":1400"),
        Bridge("hairpinMode", "\"hairpinMode\":true"),
        Bridge("promiscMode", "\"promiscMode\":true"),
        Bridge("hairpinMode and promiscMode together", "\"hairpinMode\":true,\"promiscMode\":true") with { Code = 7 },
        Bridge("ipMasq", "\"isGateway\":true,\"ipMasq\":true"),
        Bridge("ipMasq by iptables", "\"isGateway\":true,\"ipMasq\":true,\"ipMasqBackend\":\"iptables\""),
        Bridge("ipMasq with both families", "\"isGateway\":true,\"ipMasq\":true", Networks.Ranges("10.1.0.0/24", "fd00:1::/64")),
        Bridge("a bridge that is there", "\"isGateway\":true") with { Setup = Bridge0 },
        Bridge("a bridge that has the gateway's address", "\"isGateway\":true") with { Setup = $"{Bridge0}\naddress add 10.1.0.1/24 dev br0" },
        Bridge("a bridge that has another address of the network", "\"isGateway\":true") with { Code = 7, Difference = ReferenceDifferences.Undone, Setup = $"{Bridge0}\naddress add 10.1.0.7/24 dev br0" },
        Bridge("the same with forceAddress", "\"isGateway\":true,\"forceAddress\":true") with { Setup = $"{Bridge0}\naddress add 10.1.0.7/24 dev br0" },
        Bridge("a bridge that has an address of another network", "\"isGateway\":true") with { Code = 7, Difference = ReferenceDifferences.Undone, Setup = $"{Bridge0}\naddress add 10.7.0.7/24 dev br0" },
        Bridge("the same with forceAddress, which leaves it", "\"isGateway\":true,\"forceAddress\":true") with { Setup = $"{Bridge0}\naddress add 10.7.0.7/24 dev br0" },
        Bridge("the bridge's name is another kind of link", "\"isGateway\":true") with { Code = 7, Difference = ReferenceDifferences.AddressWasTaken, Setup = "link add br0 type veth peer name br1" },
        Bridge("two containers", "\"isGateway\":true") with { Verbs = "ADD ADD2 STATE CHECK CHECK2 DEL STATE DEL2" },
        Bridge("the same container twice", "\"isGateway\":true") with { Code = 4, Verbs = "ADD ADD STATE DEL" },
        Bridge("DEL twice") with { Verbs = "ADD DEL DEL" },
        Bridge("DEL of what was never added") with { Verbs = "DEL" },
        Bridge("CHECK of what was never added") with { Code = 7, Verbs = "CHECK" },
        Bridge("a MAC by runtimeConfig", "\"runtimeConfig\":{\"mac\":\"02:00:00:00:0a:01\"}"),
        Bridge("a MAC by args.cni", "\"args\":{\"cni\":{\"mac\":\"02:00:00:00:0a:02\"}}"),
        Bridge("a MAC by CNI_ARGS") with { Code = 4, Difference = ReferenceDifferences.HalfMade, Variables = Args("MAC=02:00:00:00:0a:03") },
        Bridge("a MAC that is none", "\"runtimeConfig\":{\"mac\":\"02:00\"}") with { Code = 7, Difference = ReferenceDifferences.NoBridgeLeft },
        Bridge("the same with IgnoreUnknown") with { Variables = Args("IgnoreUnknown=1;MAC=02:00:00:00:0a:03") },
        Bridge("a MAC by CNI_ARGS without addresses", "", "") with { Difference = ReferenceDifferences.ChecksRight, Variables = Args("MAC=02:00:00:00:0a:03") },
        Bridge("unknown names in CNI_ARGS") with { Code = 4, Difference = ReferenceDifferences.DeletesAnyway, Variables = Args("X=Y") },
        Bridge("static without addresses", "", "\"type\":\"static\"") with { Code = 7, Difference = ReferenceDifferences.HalfMadeOfNoAddress },
        Bridge("an address by CNI_ARGS") with { Variables = Args("IgnoreUnknown=1;IP=10.1.0.77") },
        Bridge("pod's names in CNI_ARGS") with { Variables = Args("IgnoreUnknown=1;K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;K8S_POD_INFRA_CONTAINER_ID=c;K8S_POD_UID=d") },
        Bridge("dns of the configuration", "\"dns\":{\"nameservers\":[\"10.0.0.10\"],\"search\":[\"a.b\"]}"),
        Bridge("another interface's name") with { Variables = new Dictionary<string, string> { ["CNI_IFNAME"] = "net1" } },
        Bridge("static addresses", "\"isGateway\":true", "\"type\":\"static\",\"addresses\":[{\"address\":\"10.1.0.9/24\",\"gateway\":\"10.1.0.1\"}]"),
        Bridge("the interface's name is taken") with { Code = 4, Difference = ReferenceDifferences.NoBridgeLeft, PodSetup = "link add eth0 type veth peer name x" },
        Bridge("the container's interface was removed") with { Verbs = "ADD" },
        Bridge("the default name of the bridge") with { Difference = ReferenceDifferences.ChecksRight, Config = """{"cniVersion":"1.0.0","name":"net","type":"bridge"}""" },
        Ptp("plain") with { Difference = ReferenceDifferences.Scope() },
        Ptp("ipMasq", "\"ipMasq\":true") with { Difference = ReferenceDifferences.Scope() },
        Ptp("ipMasq by iptables", "\"ipMasq\":true,\"ipMasqBackend\":\"iptables\"") with { Difference = ReferenceDifferences.Scope() },
        Ptp("IPv6", "", "\"subnet\":\"fd00:1::/64\""),
        Ptp("both families", "", Networks.Ranges("10.1.0.0/24", "fd00:1::/64")) with { Difference = ReferenceDifferences.Scope() },
        Ptp("a default route", "", "\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]") with { Difference = ReferenceDifferences.Scope() },
        Ptp("a route by another gateway", "", "\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.1.0.5\"}]") with { Difference = ReferenceDifferences.Scope() },
        Ptp("unknown names in CNI_ARGS") with { Code = 4, Difference = ReferenceDifferences.DeletesAnyway, Variables = Args("X=Y") },
        Ptp("a route by another gateway, IPv6", "", "\"subnet\":\"fd00:1::/64\",\"routes\":[{\"dst\":\"fd00:9::/64\",\"gw\":\"fd00:1::5\"}]"),
        Ptp("dns of the configuration", "\"dns\":{\"nameservers\":[\"10.0.0.10\"]}") with { Difference = ReferenceDifferences.Scope() },
        Ptp("two containers") with { Difference = ReferenceDifferences.Scope("10.1.0.3", "10.1.0.3"), Verbs = "ADD ADD2 STATE CHECK CHECK2 DEL STATE DEL2" },
        Ptp("DEL twice") with { Verbs = "ADD DEL DEL" },
        Ptp("without addresses", "", "") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Macvlan("mode bridge", "\"mode\":\"bridge\""),
        Macvlan("mode private", "\"mode\":\"private\""),
        Macvlan("mode vepa", "\"mode\":\"vepa\""),
        Macvlan("mode passthru", "\"mode\":\"passthru\""),
        Macvlan("a mode that is none", "\"mode\":\"ring\"") with { Code = 7 },
        Macvlan("mtu", "\"mtu\":1300"),
        Macvlan("an mtu above the master's", "\"mtu\":9000") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Macvlan("a MAC by runtimeConfig", "\"runtimeConfig\":{\"mac\":\"02:00:00:00:0a:01\"}"),
        Macvlan("a MAC by CNI_ARGS", "", "") with { Variables = Args("MAC=02:00:00:00:0a:03") },
        Macvlan("unknown names in CNI_ARGS", "", "") with { Code = 4, Difference = ReferenceDifferences.DeletesAnyway, Variables = Args("X=Y") },
        Macvlan("without addresses", "", ""),
        Macvlan("a master that is not there") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway, Setup = "" },
        Macvlan("DEL twice") with { Verbs = "ADD DEL DEL" },
        Device("by name", "\"device\":\"hd0\""),
        Device("by hardware address", "\"hwaddr\":\"02:00:00:00:00:05\""),
        Device("one that is not there", "\"device\":\"hd7\"") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Device("none named", "") with { Code = 7, Difference = ReferenceDifferences.DeletesAnyway },
        Device("without addresses", "\"device\":\"hd0\"", ""),
    ];

    public static TheoryData<string> Names => [.. s_table.Select(c => c.Name)];

    [Theory, MemberData(nameof(Names))]
    public Task Interfaces_are_made_alike(string name) => CompareAsync(s_table.Single(c => c.Name == name));

    private static ReferenceCase Bridge(string name, string more = "", string? ipam = null)
        => (ipam is null ? Networks.Bridge(more, version: "1.0.0") : Networks.Bridge(more, ipam, "1.0.0")) with { Name = $"bridge: {name}" };

    private static ReferenceCase Ptp(string name, string more = "", string? ipam = null)
        => (ipam is null ? Networks.PointToPoint(more, version: "1.0.0") : Networks.PointToPoint(more, ipam, "1.0.0")) with { Name = $"ptp: {name}" };

    private static ReferenceCase Macvlan(string name, string more = "", string? ipam = null)
        => (ipam is null ? Networks.Macvlan(more, version: "1.0.0") : Networks.Macvlan(more, ipam, "1.0.0")) with { Name = $"macvlan: {name}" };

    private static ReferenceCase Device(string name, string more, string? ipam = null)
        => (ipam is null ? Networks.HostDevice(more, version: "1.0.0") : Networks.HostDevice(more, ipam, "1.0.0")) with { Name = $"host-device: {name}" };

    private static Dictionary<string, string> Args(string text) => new() { ["CNI_ARGS"] = text };
}
