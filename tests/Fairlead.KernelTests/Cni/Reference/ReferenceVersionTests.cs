namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>Every plugin in every version of the specification that the reference build speaks: each has its own form of result.</summary>
public sealed class ReferenceVersionTests : ReferenceComparison
{
    private static readonly string[] s_versions = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"];

    private static readonly (string Name, ReferenceCase Case)[] s_forms =
    [
        ("bridge with an IPv4 address", Networks.Bridge("""
            "isGateway":true
            """)),
        ("bridge with both families", Networks.Bridge("""
            "isDefaultGateway":true
            """, Networks.Ranges("10.1.0.0/24", "fd00:1::/64"))),
        ("ptp with an IPv4 address", Networks.PointToPoint()),
        ("macvlan", Networks.Macvlan()),
        ("loopback", new("", "loopback", """{"cniVersion":"VERSION","name":"lo","type":"loopback"}""") { Variables = new Dictionary<string, string> { ["CNI_IFNAME"] = "lo" } }),
        ("host-local by itself", Networks.HostLocal("\"subnet\":\"10.1.0.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.1.0.9\"}]")),
        ("static by itself", Networks.Static("\"addresses\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}],\"dns\":{\"nameservers\":[\"10.1.0.1\"],\"domain\":\"d\",\"search\":[\"s\"],\"options\":[\"o\"]}")),
        ("host-device", Networks.HostDevice()),
    ];

    public static TheoryData<string, string> Forms =>
        [.. from form in s_forms from version in s_versions select (form.Name, version)];

    public static TheoryData<string> Plugins =>
        ["bridge", "ptp", "macvlan", "ipvlan", "vlan", "host-device", "loopback", "host-local", "static", "portmap", "bandwidth", "firewall", "tuning", "sbr", "vrf"];

    [Theory, MemberData(nameof(Forms))]
    public Task Results_have_the_versions_form(string form, string version)
    {
        var theCase = s_forms.First(f => f.Name == form).Case;
        return CompareAsync(theCase with { Config = theCase.Config.Replace("VERSION", version, StringComparison.Ordinal), Difference = ReferenceDifferences.OfForm(form, version) });
    }

    [Theory, MemberData(nameof(Plugins))]
    public Task VERSION_lists_what_is_spoken(string plugin)
        => CompareAsync(new("", plugin, """{"cniVersion":"1.0.0"}""") { Verbs = "VERSION", Difference = ReferenceDifferences.Newer(plugin) });

    /// <summary>podman asks so before each ADD and DEL.</summary>
    [Theory, MemberData(nameof(Plugins))]
    public Task VERSION_needs_nothing_of_the_environment(string plugin) => CompareAsync(new("", plugin, """{"cniVersion":"1.0.0"}""")
    {
        Verbs = "VERSION",
        Difference = ReferenceDifferences.Newer(plugin),
        Variables = new Dictionary<string, string> { ["CNI_CONTAINERID"] = "", ["CNI_NETNS"] = "dummy", ["CNI_IFNAME"] = "dummy", ["CNI_PATH"] = "dummy" },
    });
}
