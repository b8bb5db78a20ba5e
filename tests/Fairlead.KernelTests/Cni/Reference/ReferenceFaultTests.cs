namespace Fairlead.KernelTests.Cni.Reference;

/// <summary>Input that no plugin should take: the same code, and nothing changed.</summary>
public sealed class ReferenceFaultTests : ReferenceComparison
{
    private static readonly string[] s_plugins = ["bridge", "ptp", "loopback", "host-local", "macvlan"];

    private static readonly (string Name, Func<ReferenceCase, ReferenceCase> Spoil)[] s_faults =
    [
        ("no input", c => c with { Config = "" }),
        ("half a document", c => c with { Config = c.Config[..(c.Config.Length / 2)] }),
        ("a list instead of an object", c => c with { Config = "[]" }),
        ("a version that is to come", c => c with { Config = c.Config.Replace("\"1.0.0\"", "\"9.9.9\"", StringComparison.Ordinal) }),
        ("a version that is none", c => c with { Config = c.Config.Replace("\"1.0.0\"", "\"one\"", StringComparison.Ordinal) }),
        ("a version that is a number", c => c with { Config = c.Config.Replace("\"1.0.0\"", "1", StringComparison.Ordinal) }),
        ("no name", c => c with { Config = c.Config.Replace("\"name\":\"net\",", "", StringComparison.Ordinal) }),
        ("a path for a name", c => c with { Config = c.Config.Replace("\"net\"", "\"../net\"", StringComparison.Ordinal) }),
        ("no command", c => Without(c, "CNI_COMMAND")),
        ("a command that is none", c => With(c, "CNI_COMMAND", "MOVE")),
        ("no container", c => Without(c, "CNI_CONTAINERID")),
        ("a path for a container", c => With(c, "CNI_CONTAINERID", "../c1")),
        ("no namespace", c => Without(c, "CNI_NETNS")),
        ("a namespace that is not there", c => With(c, "CNI_NETNS", "/run/netns/none")),
        ("a file for a namespace", c => With(c, "CNI_NETNS", "/etc/passwd")),
        ("no interface", c => Without(c, "CNI_IFNAME")),
        ("an interface's name that is too long", c => With(c, "CNI_IFNAME", "abcdefghijklmnop")),
        ("a path for an interface", c => With(c, "CNI_IFNAME", "a/b")),
        ("an interface with a colon", c => With(c, "CNI_IFNAME", "a:b")),
        ("an interface with a space", c => With(c, "CNI_IFNAME", "a b")),
        ("a folder's name for an interface", c => With(c, "CNI_IFNAME", "..")),
        ("no path", c => Without(c, "CNI_PATH")),
    ];

    public static TheoryData<string, string, string> Faults =>
        [.. from plugin in s_plugins from fault in s_faults from verb in new[] { "ADD", "DEL" } select (plugin, fault.Name, verb)];

    [Theory, MemberData(nameof(Faults))]
    public Task Faults_are_refused_alike(string plugin, string fault, string verb)
    {
        var theCase = s_faults.Single(f => f.Name == fault).Spoil(Of(plugin));
        return CompareAsync(theCase with { Verbs = verb, Code = fault.Contains("namespace", StringComparison.Ordinal) ? 8 : 999, Difference = ReferenceDifferences.OfFault(plugin, fault, verb) });
    }

    private static ReferenceCase Of(string plugin) => plugin switch
    {
        "bridge" => Networks.Bridge(version: "1.0.0"),
        "ptp" => Networks.PointToPoint(version: "1.0.0"),
        "macvlan" => Networks.Macvlan(version: "1.0.0"),
        "host-local" => Networks.HostLocal("\"subnet\":\"10.1.0.0/24\"", "1.0.0"),
        _ => new("", "loopback", """{"cniVersion":"1.0.0","name":"net","type":"loopback"}"""),
    };

    private static ReferenceCase Without(ReferenceCase theCase, string variable) => With(theCase, variable, "");

    private static ReferenceCase With(ReferenceCase theCase, string variable, string value) => theCase with { Variables = new Dictionary<string, string> { [variable] = value } };
}
