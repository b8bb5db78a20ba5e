using System.Text.Json.Nodes;

namespace Fairlead.Tests.Cni;

/// <summary>static, and what host-local is asked for.</summary>
public sealed class IpamOptionTests
{
    private const string Static = """
        {"cniVersion":"1.0.0","name":"net","type":"static","ipam":{"type":"static",
         "addresses":[{"address":"10.0.0.5/24","gateway":"10.0.0.1"},{"address":"fd00::5/64"}],
         "routes":[{"dst":"0.0.0.0/0"}],"dns":{"nameservers":["10.0.0.53"]}}}
        """;

    [Fact]
    public void Static_gives_what_the_configuration_says()
    {
        var result = PluginRun.Of("ADD", Static).Json;

        Assert.Equal(["10.0.0.5/24", "fd00::5/64"], Addresses(result));
        Assert.Equal(("10.0.0.1", "0.0.0.0/0", "10.0.0.53"), ((string)result["ips"]![0]!["gateway"]!, (string)result["routes"]![0]!["dst"]!, (string)result["dns"]!["nameservers"]![0]!));
    }

    [Fact]
    public void Arguments_add_addresses_and_say_gateways()
    {
        var result = PluginRun.Of("ADD", Static, arguments: "IP=10.1.0.7/16, 10.2.0.7/16;GATEWAY=10.2.0.1;IgnoreUnknown=1").Json;

        Assert.Equal(["10.0.0.5/24", "fd00::5/64", "10.1.0.7/16", "10.2.0.7/16"], Addresses(result));
        Assert.Equal("10.2.0.1", (string)result["ips"]![3]!["gateway"]!);
    }

    [Theory]
    [InlineData(""" "args":{"cni":{"ips":["10.9.0.1/24"]}} """, "10.9.0.1/24")]
    [InlineData(""" "args":{"cni":{"ips":["10.9.0.1/24"]}},"runtimeConfig":{"ips":["10.8.0.1/24"]} """, "10.8.0.1/24")]
    public void The_users_come_in_place_of_the_configurations_and_the_runtimes_of_both(string more, string expected)
        => Assert.Equal([expected], Addresses(PluginRun.Of("ADD", With(Static, more)).Json));

    [Theory]
    [InlineData("no length", """{"type":"static","addresses":[{"address":"10.0.0.5"}]}""", "1.0.0", null, 7, "ipam.addresses[0].address")]
    [InlineData("no address in it", """{"type":"static","addresses":[{}]}""", "1.0.0", null, 7, "ipam.addresses[0].address")]
    [InlineData("a gateway that is none", """{"type":"static","addresses":[{"address":"10.0.0.5/24","gateway":"x"}]}""", "1.0.0", null, 7, "ipam.addresses[0].gateway")]
    [InlineData("not a list", """{"type":"static","addresses":"10.0.0.5/24"}""", "1.0.0", null, 6, "ipam.addresses")]
    [InlineData("two of a family", """{"type":"static","addresses":[{"address":"10.0.0.5/24"},{"address":"10.0.0.6/24"}]}""", "0.2.0", null, 1, "ipam.addresses")]
    [InlineData("an argument without a length", """{"type":"static"}""", "1.0.0", "IP=10.0.0.1", 4, "CNI_ARGS: IP")]
    [InlineData("another's argument", """{"type":"static"}""", "1.0.0", "IP=10.0.0.1/8;MAC=02:00:00:00:00:01", 4, "CNI_ARGS: MAC")]
    [InlineData("an argument about the others that says nothing", """{"type":"static"}""", "1.0.0", "IgnoreUnknown=perhaps", 4, "CNI_ARGS: IgnoreUnknown")]
    [InlineData("a gateway in the arguments", """{"type":"static"}""", "1.0.0", "GATEWAY=here", 4, "CNI_ARGS: GATEWAY")]
    public void What_static_cannot_use_is_named(string because, string ipam, string version, string? arguments, int code, string field)
    {
        var run = PluginRun.Of("ADD", $$"""{"cniVersion":"{{version}}","name":"net","type":"static","ipam":{{ipam}}}""", arguments: arguments);

        Assert.Equal((code, because), (run.Code, because));
        Assert.Contains(field, run.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("IgnoreUnknown=1;K8S_POD_NAME=a")]
    [InlineData("K8S_POD_NAME=a;IgnoreUnknown=True")]
    [InlineData("IgnoreUnknown=0")]
    public void Names_for_others_are_passed_over_where_the_runtime_says_so_and_no_address_is_fine(string arguments)
    {
        var run = PluginRun.Of("ADD", """{"cniVersion":"1.0.0","name":"net","type":"static","ipam":{"type":"static","routes":[{"dst":"10.9.0.0/16","gw":"10.0.0.1"}]}}""", arguments: arguments);

        Assert.Equal(0, run.ExitCode);
        Assert.Null(run.Json["ips"]);
        Assert.Equal("10.9.0.0/16", (string?)run.Json["routes"]![0]!["dst"]);
    }

    [Fact]
    public void Static_checks_the_result_it_gave()
    {
        var result = PluginRun.Of("ADD", Static).Output;
        Assert.Equal(0, PluginRun.Of("CHECK", With(Static, $"\"prevResult\":{result}")).ExitCode);

        var run = PluginRun.Of("CHECK", With(Static, """ "prevResult":{"ips":[{"address":"10.0.0.5/24","gateway":"10.0.0.1"}]} """));

        Assert.Equal(102, run.Code);
        Assert.Contains("fd00::5/64", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Host_local_gives_what_is_asked_for_with_a_length_and_never_what_is_excluded()
    {
        using var data = new TemporaryFolder();
        var config = HostLocal(data.Path, """ "exclude":["10.0.0.2","10.0.0.4/30"] """);

        Assert.Equal(["10.0.0.3/28"], Addresses(PluginRun.Of("ADD", config, "a").Json));
        Assert.Equal(["10.0.0.8/28"], Addresses(PluginRun.Of("ADD", config, "b").Json));
        Assert.Equal(["10.0.0.12/28"], Addresses(PluginRun.Of("ADD", config, "c", "IP=10.0.0.12/28").Json));
        Assert.Contains("exclude", PluginRun.Of("ADD", config, "d", "IP=10.0.0.5").Message, StringComparison.Ordinal);
        Assert.Equal(6, PluginRun.Of("ADD", HostLocal(data.Path, """ "exclude":[5] """), "e").Code);
    }

    [Theory]
    [InlineData("/dev/null/x")]
    [InlineData("/proc/no-such-folder")]
    public void A_folder_that_cannot_be_written_is_an_error_of_its_own(string folder)
    {
        var run = PluginRun.Of("ADD", HostLocal(folder));

        Assert.Equal(5, run.Code);
        Assert.Contains("ipam.dataDir", run.Message, StringComparison.Ordinal);
    }

    private static string HostLocal(string folder, string more = "\"x\":1")
        => $$$"""{"cniVersion":"1.1.0","name":"net","type":"host-local","ipam":{"type":"host-local","subnet":"10.0.0.0/28","dataDir":"{{{folder}}}",{{{more}}}}}""";

    private static string With(string config, string more) => $"{config.TrimEnd()[..^1]},{more}}}";

    private static IEnumerable<string> Addresses(JsonNode result) => result["ips"]!.AsArray().Select(ip => (string)ip!["address"]!);
}
