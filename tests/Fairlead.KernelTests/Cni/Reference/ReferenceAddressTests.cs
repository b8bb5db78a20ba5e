namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>host-local and static by themselves: addresses, refusals and the files on disk.</summary>
public sealed class ReferenceAddressTests : ReferenceComparison
{
    private static readonly ReferenceCase[] s_table =
    [
        Local("a subnet", "\"subnet\":\"10.1.0.0/24\""),
        Local("a subnet of two addresses", "\"subnet\":\"10.1.0.0/30\"") with { Code = 100 },
        Local("a subnet with no room", "\"subnet\":\"10.1.0.0/31\"") with { Code = 7 },
        Local("a subnet of one", "\"subnet\":\"10.1.0.0/32\"") with { Code = 7 },
        Local("a subnet with host bits", "\"subnet\":\"10.1.0.5/24\"") with { Code = 7 },
        Local("a subnet that is none", "\"subnet\":\"10.1.0.0\"") with { Code = 7 },
        Local("a subnet that is a number", "\"subnet\":24") with { Code = 6 },
        Local("no subnet", "\"routes\":[]") with { Code = 7 },
        Local("rangeStart", "\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.1.0.50\""),
        Local("rangeEnd", "\"subnet\":\"10.1.0.0/24\",\"rangeEnd\":\"10.1.0.3\""),
        Local("rangeStart and rangeEnd", "\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.1.0.50\",\"rangeEnd\":\"10.1.0.51\""),
        Local("rangeStart outside", "\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.2.0.50\"") with { Code = 7 },
        Local("rangeEnd outside", "\"subnet\":\"10.1.0.0/24\",\"rangeEnd\":\"10.2.0.50\"") with { Code = 7 },
        Local("rangeStart after rangeEnd", "\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.1.0.50\",\"rangeEnd\":\"10.1.0.40\"") with { Code = 7 },
        Local("rangeStart that is no address", "\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"x\"") with { Code = 7 },
        Local("a range of one, and two containers", "\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.1.0.50\",\"rangeEnd\":\"10.1.0.50\"") with { Code = 100 },
        Local("a gateway inside the range", "\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.1.0.50\",\"gateway\":\"10.1.0.50\""),
        Local("a gateway outside the network", "\"subnet\":\"10.1.0.0/24\",\"gateway\":\"10.2.0.1\""),
        Local("a gateway that is no address", "\"subnet\":\"10.1.0.0/24\",\"gateway\":\"x\"") with { Code = 7 },
        Local("IPv6", "\"subnet\":\"fd00:1::/64\""),
        Local("IPv6 with a range", "\"subnet\":\"fd00:1::/64\",\"rangeStart\":\"fd00:1::50\",\"rangeEnd\":\"fd00:1::60\""),
        Local("two sets", Networks.Ranges("10.1.0.0/24", "10.2.0.0/24")),
        Local("a set for each family", Networks.Ranges("10.1.0.0/24", "fd00:1::/64")),
        Local("a set of two ranges", "\"ranges\":[[{\"subnet\":\"10.1.0.0/24\",\"rangeEnd\":\"10.1.0.2\"},{\"subnet\":\"10.2.0.0/24\"}]]"),
        Local("sets that overlap", Networks.Ranges("10.1.0.0/24", "10.1.0.0/16")) with { Code = 7 },
        Local("ranges of a set that overlap", "\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"},{\"subnet\":\"10.1.0.0/24\"}]]") with { Code = 7 },
        Local("a set of both families", "\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"},{\"subnet\":\"fd00::/64\"}]]") with { Code = 7 },
        Local("an empty set", "\"ranges\":[[]]") with { Code = 7 },
        Local("subnet and ranges", "\"subnet\":\"10.1.0.0/24\",\"ranges\":[[{\"subnet\":\"10.2.0.0/24\"}]]"),
        Local("ranges of the wrong type", "\"ranges\":[{\"subnet\":\"10.2.0.0/24\"}]") with { Code = 6 },
        Local("routes", "\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"192.168.0.0/16\",\"gw\":\"10.1.0.9\"},{\"dst\":\"::/0\"}]"),
        Local("a route that is none", "\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"x\"}]") with { Code = 7 },
        Local("an address by CNI_ARGS", "\"subnet\":\"10.1.0.0/24\"") with { Verbs = "ADD CHECK DEL", Variables = Args("IP=10.1.0.99") },
        Local("an address by CNI_ARGS that is taken", "\"subnet\":\"10.1.0.0/24\"") with { Code = 100, Variables = Args("IP=10.1.0.99") },
        Local("an address by CNI_ARGS outside the range", "\"subnet\":\"10.1.0.0/24\"") with { Code = 7, Variables = Args("IP=10.2.0.99") },
        Local("an address by CNI_ARGS that is none", "\"subnet\":\"10.1.0.0/24\"") with { Code = 4, Variables = Args("IP=x") },
        Local("the gateway's address by CNI_ARGS", "\"subnet\":\"10.1.0.0/24\"") with { Code = 7, Variables = Args("IP=10.1.0.1") },
        Local("unknown names in CNI_ARGS with IgnoreUnknown", "\"subnet\":\"10.1.0.0/24\"") with { Variables = Args("IgnoreUnknown=1;X=Y") },
        Local("unknown names in CNI_ARGS", "\"subnet\":\"10.1.0.0/24\"") with { Code = 4, Difference = ReferenceDifferences.BothDelete, Variables = Args("X=Y") },
        Local("unknown names in CNI_ARGS with IgnoreUnknown that is off", "\"subnet\":\"10.1.0.0/24\"") with { Code = 4, Difference = ReferenceDifferences.BothDelete, Variables = Args("IgnoreUnknown=False;X=Y") },
        Local("an IgnoreUnknown that is neither", "\"subnet\":\"10.1.0.0/24\"") with { Code = 4, Difference = ReferenceDifferences.BothDelete, Variables = Args("IgnoreUnknown=maybe") },
        Local("a part of CNI_ARGS that is no pair", "\"subnet\":\"10.1.0.0/24\"") with { Code = 4, Variables = Args("X") },
        Local("an address by args.cni.ips", "\"subnet\":\"10.1.0.0/24\"", "\"args\":{\"cni\":{\"ips\":[\"10.1.0.44\"]}}") with { Verbs = "ADD CHECK DEL" },
        Local("an address by args.cni.ips with its prefix", "\"subnet\":\"10.1.0.0/24\"", "\"args\":{\"cni\":{\"ips\":[\"10.1.0.44/24\"]}}") with { Verbs = "ADD CHECK DEL" },
        Local("an address by runtimeConfig.ips", "\"subnet\":\"10.1.0.0/24\"", "\"runtimeConfig\":{\"ips\":[\"10.1.0.45/24\"]}") with { Verbs = "ADD CHECK DEL" },
        Local("an address asked for that no range has, after one that is given", "\"subnet\":\"10.1.0.0/24\"", "\"runtimeConfig\":{\"ips\":[\"10.1.0.45\",\"10.2.0.46\"]}") with { Code = 7 },
        Local("ranges by runtimeConfig", "\"routes\":[]", "\"runtimeConfig\":{\"ipRanges\":[[{\"subnet\":\"10.3.0.0/24\"}]]}"),
        Local("ranges by runtimeConfig before those of the file", "\"subnet\":\"10.1.0.0/24\"", "\"runtimeConfig\":{\"ipRanges\":[[{\"subnet\":\"10.3.0.0/24\"}]]}"),
        Local("the same container twice", "\"subnet\":\"10.1.0.0/24\"") with { Code = 4, Verbs = "ADD ADD STATE DEL" },
        Local("DEL twice", "\"subnet\":\"10.1.0.0/24\"") with { Verbs = "ADD DEL DEL" },
        Local("DEL of what was never added", "\"subnet\":\"10.1.0.0/24\"") with { Verbs = "DEL" },
        Local("CHECK of what was never added", "\"subnet\":\"10.1.0.0/24\"") with { Code = 7, Verbs = "CHECK" },
        Local("an address is not given again at once", "\"subnet\":\"10.1.0.0/29\"") with { Verbs = "ADD DEL ADD ADD2 DEL DEL2 ADD" },
        Local("DEL without a namespace", "\"subnet\":\"10.1.0.0/24\"") with { Verbs = "DEL", Variables = new Dictionary<string, string> { ["CNI_NETNS"] = "" } },
        Local("a folder that cannot be", "\"subnet\":\"10.1.0.0/24\",\"dataDir\":\"/proc/none\"") with { Difference = ReferenceDifferences.NothingToDelete, Code = 5 },
        Local("a resolvConf that is not there", "\"subnet\":\"10.1.0.0/24\",\"resolvConf\":\"/nowhere/resolv.conf\"") with { Code = 5 },
        Local("another interface", "\"subnet\":\"10.1.0.0/24\"") with { Variables = new Dictionary<string, string> { ["CNI_IFNAME"] = "net1" } },
        Static("an address", "\"addresses\":[{\"address\":\"10.1.0.5/24\"}]"),
        Static("an address with its gateway", "\"addresses\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.1\"}]"),
        Static("both families", "\"addresses\":[{\"address\":\"10.1.0.5/24\"},{\"address\":\"fd00::5/64\",\"gateway\":\"fd00::1\"}]"),
        Static("no address", "\"routes\":[]"),
        Static("routes and no address", "\"routes\":[{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.1.0.1\"}]"),
        Static("unknown names in CNI_ARGS", "\"addresses\":[{\"address\":\"10.1.0.5/24\"}]") with { Code = 4, Variables = Args("X=Y") },
        Static("unknown names in CNI_ARGS with IgnoreUnknown", "\"addresses\":[{\"address\":\"10.1.0.5/24\"}]") with { Variables = Args("X=Y;IgnoreUnknown=true") },
        Static("an address without a prefix", "\"addresses\":[{\"address\":\"10.1.0.5\"}]") with { Code = 7 },
        Static("an address that is none", "\"addresses\":[{\"address\":\"x/24\"}]") with { Code = 7 },
        Static("a gateway that is none", "\"addresses\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"x\"}]") with { Code = 7 },
        Static("routes and dns", "\"addresses\":[{\"address\":\"10.1.0.5/24\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"}],\"dns\":{\"nameservers\":[\"8.8.8.8\"]}"),
        Static("addresses by CNI_ARGS", "\"routes\":[]") with { Variables = Args("IP=10.1.0.9/24;GATEWAY=10.1.0.1") },
        Static("two addresses by CNI_ARGS", "\"routes\":[]") with { Variables = Args("IP=10.1.0.9/24,fd00::9/64") },
        Static("an address by CNI_ARGS without its prefix", "\"routes\":[]") with { Code = 4, Variables = Args("IP=10.1.0.9") },
        Static("an address by runtimeConfig.ips", "\"routes\":[]", "\"runtimeConfig\":{\"ips\":[\"10.1.0.9/24\"]}"),
        Static("an address by args.cni.ips", "\"routes\":[]", "\"args\":{\"cni\":{\"ips\":[\"10.1.0.9/24\"]}}"),
    ];

    public static TheoryData<string> Names => [.. s_table.Select(c => c.Name)];

    [Theory, MemberData(nameof(Names))]
    public Task Addresses_are_given_alike(string name) => CompareAsync(s_table.Single(c => c.Name == name));

    private static ReferenceCase Local(string name, string ipam, string more = "") => Networks.HostLocal(ipam, "1.0.0", more) with { Name = $"host-local: {name}" };

    private static ReferenceCase Static(string name, string ipam, string more = "") => Networks.Static(ipam, "1.0.0", more) with { Name = $"static: {name}" };

    private static Dictionary<string, string> Args(string text) => new() { ["CNI_ARGS"] = text };
}
