using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Fairlead.Cni.Protocol;
using Fairlead.Cni.Runtime;

namespace Fairlead.Tests.Cni;

public sealed class CniRuntimeTests : IDisposable
{
    private const string Chain = """
        {"cniVersion":"1.1.0","name":"pods","plugins":[
          {"type":"first","capabilities":{"mac":true},"bridge":"cni0"},
          {"type":"second","capabilities":{"portMappings":true}}]}
        """;

    private readonly TemporaryFolder _folder = new();
    private readonly Recorder _plugins = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public CniRuntimeTests()
    {
        Directory.CreateDirectory(_folder["bin"]);
        foreach (var name in new[] { "first", "second" })
        {
            File.WriteAllText(_folder[$"bin/{name}"], "");
        }

        Directory.CreateDirectory(_folder["net.d"]);
    }

    private static CniAttachment Pod(string id = "c1") => new(id, "/run/netns/p", "eth0")
    {
        Arguments = CniAttachmentArguments("K8S_POD_NAME", "wear-1"),
        Capabilities = Capability("portMappings", """[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]"""),
    };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task ADD_runs_the_chain_and_hands_each_result_to_the_next()
    {
        Write("10-pods.conflist", Chain);

        var result = await Runtime().AddAsync(Pod(), _ct);

        Assert.Equal(["ADD first", "ADD second"], _plugins.Calls.Select(c => c.Name));
        var (first, second) = (_plugins.Calls.First(), _plugins.Calls.Last());
        Assert.Equal("pods", (string)first.Input["name"]!);
        Assert.Equal("1.1.0", (string)first.Input["cniVersion"]!);
        Assert.Equal("cni0", (string)first.Input["bridge"]!);
        Assert.Null(first.Input["prevResult"]);
        Assert.Equal("10.0.0.1/24", (string)second.Input["prevResult"]!["ips"]![0]!["address"]!);
        Assert.Equal(["10.0.0.2/24"], result.Addresses.Select(a => a.ToString()));
    }

    [Fact]
    public async Task A_capability_goes_only_to_plugins_that_declare_it()
    {
        Write("10-pods.conflist", Chain);

        await Runtime().AddAsync(Pod(), _ct);

        Assert.Null(_plugins.Calls.First().Input["runtimeConfig"]);
        Assert.Equal(8080, (int)_plugins.Calls.Last().Input["runtimeConfig"]!["portMappings"]![0]!["hostPort"]!);
    }

    [Fact]
    public async Task Plugins_get_the_parameters_in_their_environment()
    {
        Write("10-pods.conflist", Chain);

        await Runtime().AddAsync(Pod(), _ct);

        var variables = _plugins.Calls.First().Variables;
        Assert.Equal(
            ("c1", "/run/netns/p", "eth0", "IgnoreUnknown=1;K8S_POD_NAME=wear-1", _folder["bin"]),
            (variables["CNI_CONTAINERID"], variables["CNI_NETNS"], variables["CNI_IFNAME"], variables["CNI_ARGS"], variables["CNI_PATH"]));
    }

    [Fact]
    public async Task DEL_runs_backwards_with_the_result_of_the_ADD_and_by_its_configuration()
    {
        Write("10-pods.conflist", Chain);
        var runtime = Runtime();
        await runtime.AddAsync(Pod(), _ct);
        Write("10-pods.conflist", """{"cniVersion":"1.0.0","name":"pods","plugins":[{"type":"other"}]}""");
        _plugins.Calls.Clear();

        await runtime.DelAsync(new CniAttachment("c1", "", "eth0"), _ct);

        Assert.Equal(["DEL second", "DEL first"], _plugins.Calls.Select(c => c.Name));
        Assert.Equal("10.0.0.2/24", (string)_plugins.Calls.Last().Input["prevResult"]!["ips"]![0]!["address"]!);
        Assert.Equal(8080, (int)_plugins.Calls.First().Input["runtimeConfig"]!["portMappings"]![0]!["hostPort"]!);
        Assert.Empty(Directory.GetFiles(_folder["cache/results"]));
    }

    [Fact]
    public async Task DEL_of_what_was_never_added_runs_the_plugins_all_the_same()
    {
        Write("10-pods.conflist", Chain);

        await Runtime().DelAsync(Pod(), _ct);

        Assert.Equal(["DEL second", "DEL first"], _plugins.Calls.Select(c => c.Name));
    }

    [Fact]
    public async Task DEL_goes_on_past_a_failure_reports_it_and_can_be_tried_again()
    {
        Write("10-pods.conflist", Chain);
        var runtime = Runtime();
        await runtime.AddAsync(Pod(), _ct);
        _plugins.Calls.Clear();
        _plugins.Fail = "DEL second";

        var error = await Assert.ThrowsAsync<CniException>(() => runtime.DelAsync(Pod(), _ct));
        Assert.Contains("plugin second, DEL", error.Message, StringComparison.Ordinal);
        Assert.Equal(["DEL second", "DEL first"], _plugins.Calls.Select(c => c.Name));

        _plugins.Fail = null;
        await runtime.DelAsync(Pod(), _ct);
        Assert.Empty(runtime.Attachments());
    }

    [Fact]
    public async Task DEL_where_there_is_neither_a_network_nor_an_ADD_is_done()
    {
        await Runtime().DelAsync(Pod(), _ct);

        Assert.Empty(_plugins.Calls);
    }

    [Fact]
    public async Task A_failed_ADD_is_undone_and_its_error_names_network_plugin_and_code()
    {
        Write("10-pods.conflist", Chain);
        _plugins.Fail = "ADD second";

        var error = await Assert.ThrowsAsync<CniException>(() => Runtime().AddAsync(Pod(), _ct));

        Assert.Equal(CniErrorCode.HostPortTaken, error.Code);
        Assert.Equal($"network 'pods' ({_folder["net.d/10-pods.conflist"]}), plugin second, ADD: port 8080 is taken", error.Message);
        Assert.Equal(["ADD first", "ADD second", "DEL second", "DEL first"], _plugins.Calls.Select(c => c.Name));
        Assert.Empty(Directory.GetFiles(_folder["cache/results"]));
    }

    [Fact]
    public async Task The_cache_is_where_and_as_libcni_keeps_it()
    {
        Write("10-pods.conflist", Chain);

        await Runtime().AddAsync(Pod(), _ct);

        var entry = JsonNode.Parse(await File.ReadAllTextAsync(_folder["cache/results/pods-c1-eth0"], _ct))!;
        Assert.Equal("cniCacheV1", (string)entry["kind"]!);
        Assert.Equal(("c1", "eth0", "pods", "/run/netns/p"), ((string)entry["containerId"]!, (string)entry["ifName"]!, (string)entry["networkName"]!, (string)entry["netns"]!));
        Assert.Equal(Chain, Encoding.UTF8.GetString(Convert.FromBase64String((string)entry["config"]!)));
        Assert.Equal("""[["K8S_POD_NAME","wear-1"]]""", entry["cniArgs"]!.ToJsonString());
        Assert.Equal("10.0.0.2/24", (string)entry["result"]!["ips"]![0]!["address"]!);
    }

    [Fact]
    public async Task An_ADD_that_never_ended_is_undone_by_DEL_from_the_cache()
    {
        Write("10-pods.conflist", Chain);
        _plugins.Hang = "ADD second";
        using var killed = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        var adding = Runtime().AddAsync(Pod(), killed.Token);
        await _plugins.Hanging.Task.WaitAsync(_ct);

        Assert.Single(Runtime().Attachments());

        await killed.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => adding);
        Assert.Empty(Runtime().Attachments());
    }

    [Fact]
    public async Task CHECK_gives_every_plugin_the_whole_result()
    {
        Write("10-pods.conflist", Chain);
        var runtime = Runtime();
        await runtime.AddAsync(Pod(), _ct);
        _plugins.Calls.Clear();

        await runtime.CheckAsync(Pod(), _ct);

        Assert.Equal(["CHECK first", "CHECK second"], _plugins.Calls.Select(c => c.Name));
        Assert.All(_plugins.Calls, c => Assert.Equal("10.0.0.2/24", (string)c.Input["prevResult"]!["ips"]![0]!["address"]!));
    }

    [Fact]
    public async Task CHECK_can_be_switched_off_and_needs_an_ADD()
    {
        Write("10-pods.conflist", Chain.Replace("\"plugins\"", "\"disableCheck\":true,\"plugins\"", StringComparison.Ordinal));
        var runtime = Runtime();
        Assert.Equal(CniErrorCode.UnknownContainer, (await Assert.ThrowsAsync<CniException>(() => runtime.CheckAsync(Pod(), _ct))).Code);
        await runtime.AddAsync(Pod(), _ct);
        _plugins.Calls.Clear();

        await runtime.CheckAsync(Pod(), _ct);

        Assert.Empty(_plugins.Calls);
    }

    [Fact]
    public async Task GC_undoes_what_is_not_valid_and_then_tells_the_plugins_what_is()
    {
        Write("10-pods.conflist", Chain);
        var runtime = Runtime();
        await runtime.AddAsync(Pod("kept"), _ct);
        await runtime.AddAsync(Pod("stale"), _ct);
        _plugins.Calls.Clear();

        await runtime.GcAsync([new("kept", "eth0")], _ct);

        Assert.Equal(["DEL second", "DEL first", "GC first", "GC second"], _plugins.Calls.Select(c => c.Name));
        Assert.Equal("stale", _plugins.Calls.First().Variables["CNI_CONTAINERID"]);
        Assert.Equal("""[{"containerID":"kept","ifname":"eth0"}]""", _plugins.Calls.Last().Input["cni.dev/valid-attachments"]!.ToJsonString());
        Assert.Equal(["kept"], runtime.Attachments().Select(a => a.ContainerId));
    }

    [Fact]
    public async Task STATUS_asks_the_plugins_and_says_which_is_missing()
    {
        Write("10-pods.conflist", Chain);
        Assert.Equal("pods", await Runtime().StatusAsync(_ct));
        Assert.Equal(["STATUS first", "STATUS second"], _plugins.Calls.Select(c => c.Name));

        File.Delete(_folder["bin/second"]);

        var error = await Assert.ThrowsAsync<CniException>(() => Runtime().StatusAsync(_ct));
        Assert.Equal(CniErrorCode.NotAvailable, error.Code);
        Assert.Contains("'second'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_configuration_the_network_is_not_available()
    {
        var error = await Assert.ThrowsAsync<CniException>(() => Runtime().AddAsync(Pod(), _ct));

        Assert.Equal(CniErrorCode.NotAvailable, error.Code);
        Assert.Contains(_folder["net.d"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_first_file_in_lexical_order_wins_unless_a_network_is_named()
    {
        Write("20-b.conf", """{"cniVersion":"1.0.0","name":"b","type":"second"}""");
        Write("10-a.conflist", """{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"first"}]}""");
        Write("05-readme.txt", "not one");

        await Runtime().AddAsync(Pod(), _ct);
        await Runtime("b").AddAsync(Pod("c2"), _ct);

        Assert.Equal(["ADD first", "ADD second"], _plugins.Calls.Select(c => c.Name));
        Assert.Equal("not available", (await Assert.ThrowsAsync<CniException>(() => Runtime("c").AddAsync(Pod("c3"), _ct))).Code == CniErrorCode.NotAvailable ? "not available" : "?");
    }

    [Fact]
    public async Task The_highest_version_that_both_know_is_used()
    {
        Write("10.conflist", """{"cniVersion":"0.4.0","cniVersions":["0.4.0","1.0.0","7.0.0"],"name":"n","plugins":[{"type":"first"}]}""");

        await Runtime().AddAsync(Pod(), _ct);

        Assert.Equal("1.0.0", (string)_plugins.Calls.Last().Input["cniVersion"]!);
    }

    [Fact]
    public async Task A_choice_of_versions_is_made_with_what_the_plugins_and_their_delegates_say_once()
    {
        File.WriteAllText(_folder["bin/addresses"], "");
        _plugins.Versions["first"] = """{"supportedVersions":["0.4.0","1.0.0","1.1.0"]}""";
        _plugins.Versions["second"] = "nothing that could be read";
        _plugins.Versions["addresses"] = """{"supportedVersions":["0.3.1","0.4.0","1.0.0","x"]}""";
        Write("10.conflist", """{"cniVersions":["1.1.0","0.4.0","1.0.0"],"name":"n","plugins":[{"type":"first","ipam":{"type":"addresses"}},{"type":"second"}]}""");
        var runtime = Runtime();

        await runtime.AddAsync(Pod(), _ct);
        await runtime.CheckAsync(Pod(), _ct);
        await runtime.DelAsync(Pod(), _ct);

        Assert.Equal("1.0.0", (await runtime.DescribeAsync(_ct)).Version);
        Assert.Equal(["VERSION first", "VERSION addresses", "VERSION second"], _plugins.Calls.Select(c => c.Name).Where(name => name.StartsWith("VERSION", StringComparison.Ordinal)));
        Assert.All(_plugins.Calls.Where(c => !c.Name.StartsWith("VERSION", StringComparison.Ordinal)), call => Assert.Equal("1.0.0", (string)call.Input["cniVersion"]!));
    }

    [Fact]
    public async Task Without_a_choice_or_a_common_version_nobody_is_overruled()
    {
        _plugins.Versions["first"] = """{"supportedVersions":["0.1.0"]}""";
        Write("10.conflist", """{"cniVersion":"1.0.0","cniVersions":["1.0.0"],"name":"n","plugins":[{"type":"first"}]}""");
        await Runtime().AddAsync(Pod(), _ct);
        Assert.Equal(["ADD first"], _plugins.Calls.Select(c => c.Name));

        Write("10.conflist", """{"cniVersion":"1.0.0","cniVersions":["0.4.0"],"name":"n","plugins":[{"type":"first"}]}""");
        await Runtime().AddAsync(Pod("c2"), _ct);
        Assert.Equal("1.0.0", (string)_plugins.Calls.Last().Input["cniVersion"]!);
    }

    [Fact]
    public async Task Plugins_of_the_networks_folder_join_the_list_unless_it_says_no()
    {
        Directory.CreateDirectory(_folder["net.d/n"]);
        Write("n/50-more.conf", """{"type":"second"}""");
        Write("10.conflist", """{"cniVersion":"1.1.0","name":"n","plugins":[{"type":"first"}]}""");
        await Runtime().AddAsync(Pod(), _ct);
        Write("10.conflist", """{"cniVersion":"1.1.0","name":"n","loadOnlyInlinedPlugins":true,"plugins":[{"type":"first"}]}""");
        await Runtime().AddAsync(Pod("c2"), _ct);

        Assert.Equal(["ADD first", "ADD second", "ADD first"], _plugins.Calls.Select(c => c.Name));
    }

    [Fact]
    public async Task DEL_runs_the_plugins_of_the_networks_folder_also_when_they_are_gone_from_it()
    {
        Directory.CreateDirectory(_folder["net.d/n"]);
        Write("n/50-more.conf", """{"type":"second"}""");
        Write("10.conflist", """{"cniVersion":"1.1.0","name":"n"}""");
        await Runtime().AddAsync(Pod(), _ct);
        File.Delete(_folder["net.d/n/50-more.conf"]);

        await Runtime().DelAsync(Pod(), _ct);

        Assert.Equal(["ADD second", "DEL second"], _plugins.Calls.Select(c => c.Name));
    }

    [Fact]
    public async Task By_name_a_list_comes_before_a_single_plugin_and_a_name_that_is_not_there_is_said_with_those_that_are()
    {
        Write("10.conf", """{"cniVersion":"1.0.0","name":"n","type":"first"}""");
        Write("20.conflist", """{"cniVersion":"1.0.0","name":"n","plugins":[{"type":"second"}]}""");

        await Runtime("n").AddAsync(Pod(), _ct);

        Assert.Equal(["ADD second"], _plugins.Calls.Select(c => c.Name));
        var error = await Assert.ThrowsAsync<CniException>(() => Runtime("m").AddAsync(Pod("c2"), _ct));
        Assert.EndsWith("; there are: n", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GC_can_be_switched_off_and_below_1_1_plugins_are_not_asked()
    {
        Write("10-pods.conflist", Chain.Replace("1.1.0", "1.0.0", StringComparison.Ordinal));
        var runtime = Runtime();
        await runtime.AddAsync(Pod(), _ct);
        _plugins.Calls.Clear();

        await runtime.GcAsync([], _ct);
        Assert.Equal(["DEL second", "DEL first"], _plugins.Calls.Select(c => c.Name));

        Write("10-pods.conflist", Chain.Replace("\"plugins\"", "\"disableGC\":true,\"plugins\"", StringComparison.Ordinal));
        await runtime.AddAsync(Pod(), _ct);
        _plugins.Calls.Clear();
        await runtime.GcAsync([], _ct);
        Assert.Empty(_plugins.Calls);
    }

    [Fact]
    public async Task A_cache_that_cannot_be_written_fails_the_ADD_before_any_plugin_runs()
    {
        Write("10-pods.conflist", Chain);
        await File.WriteAllTextAsync(_folder["cache"], "a file", _ct);

        Assert.Equal(CniErrorCode.InputOutput, (await Assert.ThrowsAsync<CniException>(() => Runtime().AddAsync(Pod(), _ct))).Code);
        Assert.Empty(_plugins.Calls);
    }

    [Fact]
    public void A_container_without_an_id_has_the_one_that_cnitool_gives_it()
        => Assert.Equal("cnitool-77383ca0a0715733ca6f", CniAttachment.ContainerIdOf("/var/run/netns/testing"));

    [Fact]
    public void Arguments_and_capabilities_are_read_as_cnitool_reads_them()
    {
        Assert.Equal(["A=1", "B=x=y"], CniAttachment.ParseArguments("B=x=y;A=1").Select(p => $"{p.Key}={p.Value}"));
        Assert.Equal("[80]", CniAttachment.ParseCapabilities("""{"ports":[80]}""")["ports"].ToJsonString());
        Assert.Empty(CniAttachment.ParseCapabilities(""));
        Assert.Throws<CniException>(() => CniAttachment.ParseArguments("A"));
        Assert.Throws<CniException>(() => CniAttachment.ParseCapabilities("[]"));
        Assert.Throws<CniException>(() => CniAttachment.ParseCapabilities("{"));
    }

    [Fact]
    public async Task A_network_is_described_with_where_its_plugins_are()
    {
        Write("10-pods.conflist", """{"cniVersion":"1.1.0","name":"n","disableCheck":true,"plugins":[{"type":"first"},{"type":"absent"}]}""");

        var network = await Runtime().DescribeAsync(_ct);

        Assert.Equal(("n", _folder["net.d/10-pods.conflist"], "1.1.0", true, false), (network.Name, network.File, network.Version, network.ChecksDisabled, network.CollectionDisabled));
        Assert.Equal([_folder["bin/first"], null], network.Plugins.Select(p => p.Executable));
    }

    [Theory]
    [InlineData("../x", "eth0", "a path for an id")]
    [InlineData("c1", "a/b", "a path for an interface")]
    public async Task Names_never_become_paths(string id, string interfaceName, string because)
    {
        Write("10-pods.conflist", Chain);

        var error = await Assert.ThrowsAsync<CniException>(() => Runtime().AddAsync(new CniAttachment(id, "/run/netns/p", interfaceName), _ct));

        Assert.Equal((CniErrorCode.InvalidEnvironment, because), (error.Code, because));
        Assert.Empty(_plugins.Calls);
    }

    [Fact]
    public async Task Calls_for_one_container_queue_and_for_others_go_on()
    {
        Write("10-pods.conflist", Chain);
        var runtime = Runtime();
        _plugins.Hang = "ADD first";
        _plugins.HangContainer = "c1";
        var adding = runtime.AddAsync(Pod(), _ct);
        await _plugins.Hanging.Task.WaitAsync(_ct);

        var deleting = runtime.DelAsync(Pod(), _ct);
        await runtime.AddAsync(Pod("c2"), _ct);
        Assert.DoesNotContain(_plugins.Calls, c => c.Name == "DEL second");

        _plugins.Release.SetResult();
        await adding;
        await deleting;
        Assert.Equal("DEL first", _plugins.Calls.Last().Name);
    }

    private static System.Collections.Immutable.ImmutableSortedDictionary<string, string> CniAttachmentArguments(string key, string value)
        => System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty.Add(key, value);

    private static System.Collections.Immutable.ImmutableSortedDictionary<string, JsonNode> Capability(string name, string json)
        => System.Collections.Immutable.ImmutableSortedDictionary<string, JsonNode>.Empty.Add(name, JsonNode.Parse(json)!);

    private void Write(string name, string text) => File.WriteAllText(_folder[$"net.d/{name}"], text);

    private CniRuntime Runtime(string? network = null) => new(
        new CniRuntimeOptions
        {
            ConfigDirectory = _folder["net.d"], PluginDirectories = [_folder["bin"]], CacheDirectory = _folder["cache"], Network = network,
        },
        _plugins,
        TimeProvider.System);

    /// <summary>Stands for the plugins: each ADD gives the next address.</summary>
    private sealed class Recorder : IPluginExecutor
    {
        public ConcurrentQueue<Call> Calls { get; } = [];

        public Dictionary<string, string> Versions { get; } = [];

        public string? Fail { get; set; }

        public string? Hang { get; set; }

        public string? HangContainer { get; set; }

        public TaskCompletionSource Hanging { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Release { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public async Task<PluginOutcome> RunAsync(PluginStart start, CancellationToken ct)
        {
            var name = $"{start.Variables["CNI_COMMAND"]} {Path.GetFileName(start.Executable)}";
            Calls.Enqueue(new Call(name, JsonNode.Parse(start.Input.Span)!, start.Variables));
            if (start.Variables["CNI_COMMAND"] == "VERSION")
            {
                return new PluginOutcome(0, Encoding.UTF8.GetBytes(Versions.GetValueOrDefault(Path.GetFileName(start.Executable), "")), "");
            }

            if (name == Hang && (HangContainer is null || start.Variables["CNI_CONTAINERID"] == HangContainer))
            {
                Hanging.TrySetResult();
                await Release.Task.WaitAsync(ct);
            }

            if (name == Fail)
            {
                return new PluginOutcome(1, """{"cniVersion":"1.1.0","code":101,"msg":"port 8080 is taken"}"""u8.ToArray(), "");
            }

            return new PluginOutcome(
                0,
                start.Variables["CNI_COMMAND"] == "ADD"
                    ? Encoding.UTF8.GetBytes($$"""{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.{{(name == "ADD first" ? 1 : 2)}}/24"}]}""")
                    : ReadOnlyMemory<byte>.Empty,
                "");
        }
    }

    private sealed record Call(string Name, JsonNode Input, IReadOnlyDictionary<string, string> Variables);
}
