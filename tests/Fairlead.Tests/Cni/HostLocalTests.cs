using System.Text.Json.Nodes;
using Fairlead.Cni.Protocol;

namespace Fairlead.Tests.Cni;

public sealed class HostLocalTests : IDisposable
{
    private readonly TemporaryFolder _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public void Addresses_are_given_in_order_and_the_gateway_to_nobody()
        => Assert.Equal(["10.1.0.2/29", "10.1.0.3/29", "10.1.0.4/29"], new[] { "a", "b", "c" }.Select(c => Add(c)));

    [Fact]
    public void A_freed_address_rests_until_the_range_has_gone_round()
    {
        Assert.Equal("10.1.0.2/29", Add("a"));
        Assert.Equal("10.1.0.3/29", Add("b"));
        Run("DEL", "a");

        Assert.Equal("10.1.0.4/29", Add("c"));
        Assert.Equal("10.1.0.5/29", Add("d"));
        Assert.Equal("10.1.0.6/29", Add("e"));
        Assert.Equal("10.1.0.2/29", Add("f"));
    }

    [Fact]
    public void A_pods_annotation_asks_for_an_address()
    {
        Assert.Equal("10.1.0.5/29", Address(Annotated("a", "10.1.0.5")));

        var taken = Annotated("b", "10.1.0.5");
        Assert.Equal((int)CniErrorCode.AddressPoolExhausted, taken.Code);
        Assert.Equal("requested address 10.1.0.5 is in use by container a", taken.Message);
        Assert.Equal("requested addresses are in no range: 10.2.0.5; there is 10.1.0.1-10.1.0.6", Annotated("b", "10.2.0.5").Message);
        Assert.Equal("annotation fairlead.dev/ip: '10.1.0' is no IP address", Annotated("b", "10.1.0").Message);
        Assert.Equal("requested address 10.1.0.1 is the gateway of 10.1.0.0/29", Annotated("b", "10.1.0.1").Message);
        Assert.Single(AddressFiles());
    }

    [Fact]
    public void An_exhausted_range_is_said_by_name_and_changes_nothing()
    {
        foreach (var container in new[] { "a", "b", "c", "d", "e" })
        {
            Add(container);
        }

        var run = Run("ADD", "f");

        Assert.Equal((int)CniErrorCode.AddressPoolExhausted, run.Code);
        Assert.Contains("10.1.0.1-10.1.0.6", run.Message, StringComparison.Ordinal);
        Assert.Equal((int)CniErrorCode.NotAvailable, Run("STATUS", "f").Code);
        Assert.Equal(5, AddressFiles().Length);
    }

    [Fact]
    public void The_files_are_the_reference_plugins()
    {
        Add("a");

        Assert.Equal(["10.1.0.2", "last_reserved_ip.0", "lock"], Files());
        Assert.Equal("a\r\neth0", File.ReadAllText(_data["net/10.1.0.2"]));
        Assert.Equal("10.1.0.2", File.ReadAllText(_data["net/last_reserved_ip.0"]));
    }

    [Fact]
    public void What_the_reference_plugin_left_is_understood()
    {
        Directory.CreateDirectory(_data["net"]);
        File.WriteAllText(_data["net/10.1.0.2"], "old\r\neth0");
        File.WriteAllText(_data["net/10.1.0.3"], "oldest"); // its first versions wrote no interface
        File.WriteAllText(_data["net/last_reserved_ip.0"], "10.1.0.3");
        File.WriteAllText(_data["net/lock"], "");

        Assert.Equal("10.1.0.4/29", Add("new"));
        Assert.Equal(0, Run("DEL", "old").ExitCode);
        Assert.Equal(0, Run("DEL", "oldest").ExitCode);
        Assert.Equal(["10.1.0.4"], AddressFiles());
    }

    [Fact]
    public void An_empty_file_is_what_a_killed_reference_plugin_left_and_its_address_is_free()
    {
        Directory.CreateDirectory(_data["net"]);
        File.WriteAllText(_data["net/10.1.0.2"], "");

        Assert.Equal("10.1.0.2/29", Add("a"));
    }

    [Fact]
    public void A_second_ADD_for_the_same_interface_is_refused_and_the_first_address_stays()
    {
        Add("a");

        Assert.Equal((int)CniErrorCode.InvalidEnvironment, Run("ADD", "a").Code);
        Assert.Equal(["10.1.0.2"], AddressFiles());
    }

    [Fact]
    public void DEL_of_what_never_was_makes_nothing()
    {
        Assert.Equal(0, Run("DEL", "a").ExitCode);
        Assert.False(Directory.Exists(_data["net"]));
    }

    [Fact]
    public void CHECK_tells_whether_the_address_is_still_reserved()
    {
        var result = Run("ADD", "a").Json;
        Assert.Equal(0, Run("CHECK", "a", c => c["prevResult"] = result.DeepClone()).ExitCode);

        File.Delete(_data["net/10.1.0.2"]);

        Assert.Equal((int)CniErrorCode.AttachmentChanged, Run("CHECK", "a", c => c["prevResult"] = result.DeepClone()).Code);
    }

    [Fact]
    public void GC_frees_what_is_not_valid_and_keeps_what_is()
    {
        Add("a");
        Add("b");

        Run("GC", "", c => c["cni.dev/valid-attachments"] = JsonNode.Parse("""[{"containerID":"b","ifname":"eth0"}]"""));

        Assert.Equal(["10.1.0.3"], AddressFiles());
    }

    [Fact]
    public void Each_range_set_gives_an_address_and_the_routes_come_with_them()
    {
        var run = Run("ADD", "a", c => c["ipam"] = new JsonObject
        {
            ["type"] = "host-local",
            ["dataDir"] = _data.Path,
            ["ranges"] = JsonNode.Parse("""[[{"subnet":"10.2.0.0/16","rangeStart":"10.2.3.10","rangeEnd":"10.2.3.20","gateway":"10.2.255.254"}],[{"subnet":"fd00::/64"}]]"""),
            ["routes"] = JsonNode.Parse("""[{"dst":"0.0.0.0/0"},{"dst":"fd01::/16","gw":"fd00::9"}]"""),
        });

        Assert.Equal(
            """[{"address":"10.2.3.10/16","gateway":"10.2.255.254"},{"address":"fd00::2/64","gateway":"fd00::1"}]""",
            run.Json["ips"]!.ToJsonString());
        Assert.Equal("""[{"dst":"0.0.0.0/0"},{"dst":"fd01::/16","gw":"fd00::9"}]""", run.Json["routes"]!.ToJsonString());
        Assert.Equal(["10.2.3.10", "fd00::2"], AddressFiles());
    }

    [Fact]
    public void A_set_of_several_ranges_goes_on_in_the_next_when_one_is_full()
    {
        void Ranges(JsonObject c) => c["ipam"] = new JsonObject
        {
            ["dataDir"] = _data.Path,
            ["ranges"] = JsonNode.Parse("""[[{"subnet":"10.3.0.0/30"},{"subnet":"10.4.0.0/30"}]]"""),
        };

        Assert.Equal("10.3.0.2/30", Address(Run("ADD", "a", Ranges)));
        Assert.Equal("10.4.0.2/30", Address(Run("ADD", "b", Ranges)));
        Assert.Equal((int)CniErrorCode.AddressPoolExhausted, Run("ADD", "c", Ranges).Code);
    }

    [Fact]
    public void An_address_can_be_asked_for()
    {
        Assert.Equal("10.1.0.5/29", Address(Run("ADD", "a", arguments: "IP=10.1.0.5")));
        Assert.Equal("10.1.0.4/29", Address(Run("ADD", "b", c => c["runtimeConfig"] = JsonNode.Parse("""{"ips":["10.1.0.4/29"]}"""))));
        Assert.Equal("10.1.0.3/29", Address(Run("ADD", "c", c => c["args"] = JsonNode.Parse("""{"cni":{"ips":["10.1.0.3"]}}"""))));

        Assert.Contains("10.1.0.5", Run("ADD", "d", arguments: "IP=10.1.0.5").Message, StringComparison.Ordinal);
        Assert.Contains("gateway", Run("ADD", "d", arguments: "IP=10.1.0.1").Message, StringComparison.Ordinal);
        Assert.Contains("10.9.0.5", Run("ADD", "d", arguments: "IP=10.9.0.5").Message, StringComparison.Ordinal);
        Assert.Equal(3, AddressFiles().Length); // what was reserved before the refusal is free again
    }

    [Fact]
    public void The_runtimes_ranges_come_first()
        => Assert.Equal(
            "10.7.0.2/24",
            Address(Run("ADD", "a", c => c["runtimeConfig"] = JsonNode.Parse("""{"ipRanges":[[{"subnet":"10.7.0.0/24"}]]}"""))));

    [Fact]
    public void Name_servers_come_from_the_resolver_file()
    {
        File.WriteAllText(_data["resolv.conf"], "# of the node\nnameserver 192.0.2.1\nsearch a.example b.example\noptions ndots:2 rotate\n");

        var run = Run("ADD", "a", c => c["ipam"]!["resolvConf"] = _data["resolv.conf"]);

        Assert.Equal(
            """{"nameservers":["192.0.2.1"],"search":["a.example","b.example"],"options":["ndots:2","rotate"]}""", run.Json["dns"]!.ToJsonString());
    }

    public static TheoryData<string, string, int, string> Faults => new()
    {
        { "nothing to allocate from", "{}", 7, "ipam.ranges" },
        { "a subnet of the wrong type", """{"subnet":7}""", 6, "ipam.subnet" },
        { "a subnet that is none", """{"subnet":"10.0.0.0"}""", 7, "ipam.subnet" },
        { "a subnet with a prefix too long", """{"subnet":"10.0.0.0/33"}""", 7, "ipam.subnet" },
        { "a subnet with host bits", """{"subnet":"10.0.0.1/24"}""", 7, "ipam.subnet" },
        { "an octal subnet", """{"subnet":"010.0.0.0/24"}""", 7, "ipam.subnet" },
        { "a subnet without room", """{"subnet":"10.0.0.0/31"}""", 7, "ipam.subnet" },
        { "a start outside", """{"subnet":"10.0.0.0/24","rangeStart":"10.0.1.1"}""", 7, "ipam.rangeStart" },
        { "an end outside", """{"subnet":"10.0.0.0/24","rangeEnd":"10.0.1.1"}""", 7, "ipam.rangeEnd" },
        { "a start after the end", """{"subnet":"10.0.0.0/24","rangeStart":"10.0.0.9","rangeEnd":"10.0.0.8"}""", 7, "ipam.rangeStart" },
        { "a gateway of another family", """{"subnet":"10.0.0.0/24","gateway":"fd00::1"}""", 7, "ipam.gateway" },
        { "a range that is no list", """{"ranges":[{"subnet":"10.0.0.0/24"}]}""", 6, "ipam.ranges[0]" },
        { "an empty set", """{"ranges":[[]]}""", 7, "ipam.ranges[0]" },
        { "a range without a subnet", """{"ranges":[[{}]]}""", 7, "ipam.ranges[0][0].subnet" },
        { "families mixed", """{"ranges":[[{"subnet":"10.0.0.0/24"},{"subnet":"fd00::/64"}]]}""", 7, "ipam.ranges[0]" },
        { "ranges that overlap", """{"ranges":[[{"subnet":"10.0.0.0/24"},{"subnet":"10.0.0.0/25"}]]}""", 7, "ipam.ranges[0]" },
        { "sets that overlap", """{"subnet":"10.0.0.0/16","ranges":[[{"subnet":"10.0.9.0/24"}]]}""", 7, "ipam.ranges" },
        { "a route that leads nowhere", """{"subnet":"10.0.0.0/24","routes":[{"gw":"10.0.0.1"}]}""", 7, "ipam.routes[0].dst" },
        { "a resolver file that is not there", """{"subnet":"10.0.0.0/24","resolvConf":"/nonesuch"}""", 5, "ipam.resolvConf" },
    };

    [Theory, MemberData(nameof(Faults))]
    public void A_fault_names_the_field(string because, string ipam, int code, string field)
    {
        var run = Run("ADD", "a", c => c["ipam"] = JsonNode.Parse(ipam));

        Assert.Equal((code, because), (run.Code, because));
        Assert.StartsWith($"{field}:", run.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_data.Path));
    }

    [Fact]
    public void A_data_folder_that_cannot_be_made_is_an_input_output_failure()
    {
        File.WriteAllText(_data["file"], "");

        var run = Run("ADD", "a", c => c["ipam"]!["dataDir"] = _data["file"]);

        Assert.Equal((int)CniErrorCode.InputOutput, run.Code);
        Assert.Contains("dataDir", run.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Parallel_calls_never_give_an_address_twice()
    {
        var ct = TestContext.Current.CancellationToken;
        var addresses = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => Task.Run(
            () => Address(Run("ADD", $"c{i}", c => c["ipam"]!["subnet"] = "10.1.0.0/26")), ct)));

        Assert.Equal(60, addresses.Distinct().Count());
    }

    private PluginRun Annotated(string container, string addresses) => Run("ADD", container, c => c["runtimeConfig"] = new JsonObject
    {
        ["io.kubernetes.cri.pod-annotations"] = new JsonObject { ["other"] = "x", ["fairlead.dev/ip"] = addresses },
    });

    private string Add(string container) => Address(Run("ADD", container));

    private static string Address(PluginRun run)
    {
        Assert.True(run.ExitCode == 0, run.Output);
        return (string)run.Json["ips"]![0]!["address"]!;
    }

    private PluginRun Run(string command, string container, Action<JsonObject>? change = null, string? arguments = null)
    {
        var config = new JsonObject
        {
            ["cniVersion"] = "1.1.0",
            ["name"] = "net",
            ["type"] = "bridge",
            ["ipam"] = new JsonObject { ["type"] = "host-local", ["subnet"] = "10.1.0.0/29", ["dataDir"] = _data.Path },
        };
        change?.Invoke(config);
        return PluginRun.Of(command, config.ToJsonString(), container, arguments, "host-local");
    }

    private string[] Files() => [.. Directory.GetFiles(_data["net"]).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    private string[] AddressFiles() => [.. Files().Where(f => f.Contains('.', StringComparison.Ordinal) && !f.StartsWith("last", StringComparison.Ordinal) || f.Contains(':', StringComparison.Ordinal))];
}
