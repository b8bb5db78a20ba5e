using Fairlead.Cni.Protocol;

namespace Fairlead.Tests.Cni;

public sealed class PluginProgramTests
{
    private const string Good = """{"cniVersion":"1.1.0","name":"net","type":"loopback"}""";

    [Fact]
    public void VERSION_lists_every_version_whatever_the_plugin()
    {
        // As podman 4.3 asks before every ADD and DEL: dummies everywhere.
        var run = PluginRun.Of("""{"cniVersion":"1.0.0"}""", "bridge", new Dictionary<string, string>
        {
            ["CNI_COMMAND"] = "VERSION", ["CNI_NETNS"] = "dummy", ["CNI_IFNAME"] = "dummy", ["CNI_PATH"] = "dummy", ["CNI_CONTAINERID"] = "",
        });

        Assert.Equal(0, run.ExitCode);
        Assert.Equal(
            ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"],
            run.Json["supportedVersions"]!.AsArray().Select(v => (string)v!));
    }

    public static TheoryData<string, string, string, int> Variables => new()
    {
        { "no command", "CNI_COMMAND", "", 4 },
        { "a command that is none", "CNI_COMMAND", "JUMP", 4 },
        { "no container", "CNI_CONTAINERID", "", 4 },
        { "a path for a container", "CNI_CONTAINERID", "../../etc", 4 },
        { "a container that begins with a dot", "CNI_CONTAINERID", ".x", 4 },
        { "no namespace", "CNI_NETNS", "", 4 },
        { "a namespace that is not there", "CNI_NETNS", "/run/netns/fairlead-not-there", 8 },
        { "no interface", "CNI_IFNAME", "", 4 },
        { "an interface with a slash", "CNI_IFNAME", "a/b", 4 },
        { "an interface with a space", "CNI_IFNAME", "a b", 4 },
        { "an interface of sixteen characters", "CNI_IFNAME", "abcdefghijklmnop", 4 },
        { "an interface named as a folder", "CNI_IFNAME", "..", 4 },
        { "no path", "CNI_PATH", "", 4 },
        { "arguments without a value", "CNI_ARGS", "IgnoreUnknown", 4 },
    };

    [Theory, MemberData(nameof(Variables))]
    public void A_wrong_variable_is_named(string because, string name, string value, int code)
    {
        var variables = new Dictionary<string, string>
        {
            ["CNI_COMMAND"] = "ADD", ["CNI_CONTAINERID"] = "c1", ["CNI_NETNS"] = "/run/netns/x", ["CNI_IFNAME"] = "eth0", ["CNI_PATH"] = "/x",
        };
        variables[name] = value;

        var run = PluginRun.Of(Good, "loopback", variables);

        Assert.Equal(1, run.ExitCode);
        Assert.Equal((code, because), (run.Code, because));
        Assert.Contains(name, run.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, string, int, string> Configurations => new()
    {
        { "nothing", "", 6, "network configuration" },
        { "half of it", """{"cniVersion":"1.1.0","na""", 6, "network configuration" },
        { "a list", "[]", 6, "an object" },
        { "a number for a version", """{"cniVersion":1,"name":"n"}""", 6, "cniVersion" },
        { "a version to come", """{"cniVersion":"9.0.0","name":"n"}""", 1, "cniVersion" },
        { "a version that is none", """{"cniVersion":"one","name":"n"}""", 1, "cniVersion" },
        { "no name", """{"cniVersion":"1.1.0"}""", 7, "name" },
        { "a path for a name", """{"cniVersion":"1.1.0","name":"../x"}""", 7, "name" },
        { "a type that is none", """{"cniVersion":"1.1.0","name":"n","type":"nonesuch"}""", 7, "type" },
    };

    [Theory, MemberData(nameof(Configurations))]
    public void A_wrong_configuration_is_named(string because, string config, int code, string field)
    {
        var run = PluginRun.Of("ADD", config);

        Assert.Equal(1, run.ExitCode);
        Assert.Equal((code, because), (run.Code, because));
        Assert.Contains(field, run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_is_written_in_the_configurations_version()
        => Assert.Equal("0.4.0", (string)PluginRun.Of("ADD", """{"cniVersion":"0.4.0","name":"n","type":"nonesuch"}""").Json["cniVersion"]!);

    [Theory]
    [InlineData("CHECK", "0.3.1")]
    [InlineData("STATUS", "1.0.0")]
    [InlineData("GC", "1.0.0")]
    public void A_verb_that_the_version_does_not_have_is_refused(string command, string version)
        => Assert.Equal(
            (int)CniErrorCode.IncompatibleVersion,
            PluginRun.Of(command, $$"""{"cniVersion":"{{version}}","name":"n","type":"loopback"}""").Code);

    [Fact]
    public void CHECK_needs_the_result_of_the_ADD()
        => Assert.Contains("prevResult", PluginRun.Of("CHECK", Good).Message, StringComparison.Ordinal);

    [Fact]
    public void GC_without_a_list_of_what_is_valid_removes_nothing()
        => Assert.Contains("cni.dev/valid-attachments", PluginRun.Of("GC", Good).Message, StringComparison.Ordinal);

    [Fact]
    public void The_name_of_the_program_wins_over_the_type()
    {
        var run = PluginRun.Of("STATUS", """{"cniVersion":"1.1.0","name":"n","type":"nonesuch"}""", program: "loopback");

        Assert.Equal((0, ""), (run.ExitCode, run.Output));
    }

    [Fact]
    public void DEL_of_a_loopback_succeeds_when_the_namespace_is_gone()
        => Assert.Equal(0, PluginRun.Of("DEL", Good, netns: "").ExitCode);
}
