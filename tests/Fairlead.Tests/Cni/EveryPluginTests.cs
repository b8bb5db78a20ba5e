using Fairlead.Cni.Plugins;

namespace Fairlead.Tests.Cni;

/// <summary>What holds for every plugin by its name, whatever it does.</summary>
public sealed class EveryPluginTests
{
    public static TheoryData<string> Names => [.. PluginCatalog.Names];

    [Theory, MemberData(nameof(Names))]
    public void It_says_its_versions(string name)
        => Assert.Equal(7, PluginRun.Of("VERSION", "{}", program: name).Json["supportedVersions"]!.AsArray().Count);

    [Theory, MemberData(nameof(Names))]
    public void Half_a_document_is_one_error_and_nothing_else(string name)
    {
        foreach (var command in new[] { "ADD", "DEL", "CHECK", "STATUS", "GC" })
        {
            Assert.Equal((1, 6), (PluginRun.Of(command, """{"cniVersion":"1.1.0","name":"n""", program: name).ExitCode, PluginRun.Of(command, "{", program: name).Code));
        }
    }

    [Theory, MemberData(nameof(Names))]
    public void A_version_to_come_is_code_1(string name)
        => Assert.Equal(1, PluginRun.Of("ADD", """{"cniVersion":"2.0.0","name":"n"}""", program: name).Code);

    [Theory, MemberData(nameof(Names))]
    public void A_path_for_a_container_is_code_4(string name)
        => Assert.Equal(4, PluginRun.Of("DEL", """{"cniVersion":"1.1.0","name":"n"}""", "../x", program: name).Code);

    [Theory, MemberData(nameof(Names))]
    public void Verbs_that_a_version_lacks_are_code_1(string name)
    {
        Assert.Equal(1, PluginRun.Of("CHECK", """{"cniVersion":"0.3.1","name":"n"}""", program: name).Code);
        Assert.Equal(1, PluginRun.Of("STATUS", """{"cniVersion":"1.0.0","name":"n"}""", program: name).Code);
        Assert.Equal(1, PluginRun.Of("GC", """{"cniVersion":"1.0.0","name":"n"}""", program: name).Code);
    }

    [Theory, MemberData(nameof(Names))]
    public void A_result_before_it_of_the_wrong_type_is_code_6(string name)
        => Assert.Equal(6, PluginRun.Of("CHECK", """{"cniVersion":"1.1.0","name":"n","prevResult":[1]}""", program: name).Code);
}
