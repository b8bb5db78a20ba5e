using System.Text.Json;
using Fairlead.EndToEnd.Fixtures;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd;

/// <summary><c>fairlead cni</c> as a person uses it: the session of docs/cni.md, and what a program goes by.</summary>
public sealed class CniCommandTests : IAsyncLifetime
{
    private readonly TestHost _host = new();

    private string Red => $"{_host.Namespace.Name}-red";

    public async ValueTask InitializeAsync()
    {
        NetworkNamespace.Create(Red).Dispose();
        Directory.CreateDirectory(Path.Combine(_host.Home, "net.d"));
        _host.SetVariable("NETCONFPATH", Path.Combine(_host.Home, "net.d"));
        _host.SetVariable("CNI_PATH", Path.Combine(_host.Home, "bin"));
        await File.WriteAllTextAsync(Path.Combine(_host.Home, "net.d", "net-script.conf"), NetScript(), TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        NetworkNamespace.Delete(Red);
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task The_session_of_the_document_runs_as_it_is_written()
    {
        var session = DocumentSession.Read("docs/cni.md", "The runtime side");
        Assert.Equal(["install", "explain", "add", "status", "del", "gc"], session.Select(s => s.Command.Split(' ')[2]));

        foreach (var (command, expected) in session)
        {
            var said = (await _host.Sh(Here(command))).Ok();
            Assert.All(expected, line => Assert.Contains(line.Trim(), said, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task What_was_added_is_told_as_JSON_is_there_and_goes_with_GC()
    {
        (await _host.Sh($"fairlead cni install {_host.Home}/bin")).Ok();

        var result = JsonDocument.Parse((await _host.Sh(Here("fairlead cni add mynet red -o json"))).Ok()).RootElement;
        Assert.Equal(("0.2.0", "10.244.0.2/16"), (result.GetProperty("cniVersion").GetString(), result.GetProperty("ip4").GetProperty("ip").GetString()));
        Assert.Contains("10.244.0.2/16", (await _host.Sh($"ip -n {Red} addr show eth0")).Ok(), StringComparison.Ordinal);
        Assert.Contains("default via 10.244.0.1", (await _host.Sh($"ip -n {Red} route")).Ok(), StringComparison.Ordinal);
        Assert.Single(Directory.GetFiles(Path.Combine(_host.Home, "cache", "results")));

        (await _host.Sh(Here("fairlead cni gc mynet --valid other/eth0"))).Ok();

        Assert.Contains("does not exist", (await _host.Sh($"ip -n {Red} addr show eth0")).Failed(), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(_host.Home, "cache", "results")));
        (await _host.Sh(Here("fairlead cni del mynet red"))).Ok();
    }

    [Fact]
    public async Task CHECK_says_nothing_while_all_is_as_it_was_and_what_is_missing_after()
    {
        await File.WriteAllTextAsync(Path.Combine(_host.Home, "net.d", "net-script.conf"), NetScript().Replace("0.2.0", "1.0.0", StringComparison.Ordinal), TestContext.Current.CancellationToken);
        (await _host.Sh($"fairlead cni install {_host.Home}/bin")).Ok();
        (await _host.Sh(Here("fairlead cni add mynet red"))).Ok();
        Assert.Empty((await _host.Sh(Here("fairlead cni check mynet red"))).Ok());

        (await _host.Sh($"ip -n {Red} addr flush dev eth0")).Ok();

        Assert.Contains("plugin net-script, CHECK: ", (await _host.Sh(Here("fairlead cni check mynet red"))).Failed(), StringComparison.Ordinal);
        (await _host.Sh(Here("fairlead cni del mynet red"))).Ok();
    }

    [Fact]
    public async Task Ten_at_once_get_ten_addresses_and_calls_for_one_container_wait_for_each_other()
    {
        (await _host.Sh($"fairlead cni install {_host.Home}/bin")).Ok();

        var done = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => _host.Sh(Here($"fairlead cni add mynet red --ifname eth{i} -o json"))));

        Assert.Equal(10, done.Select(d => JsonDocument.Parse(d.Ok()).RootElement.GetProperty("ip4").GetProperty("ip").GetString()).Distinct().Count());
        (await _host.Sh(Here("fairlead cni gc mynet red --all"))).Ok();
    }

    [Theory]
    [InlineData("fairlead cni add nonet red", 1, "no network named 'nonet'", 50)]
    [InlineData("fairlead cni add mynet red --ifname a/b", 1, "interface name 'a/b' holds '/' or ':'", 4)]
    [InlineData("fairlead cni add mynet red --cap-args []", 1, "CAP_ARGS: expected an object of capabilities", 4)]
    [InlineData("fairlead cni add mynet red --args x", 1, "'x' is no key=value pair", 4)]
    [InlineData("fairlead cni add mynet /etc", 1, "plugin net-script, ADD: ", 8)]
    [InlineData("fairlead cni check mynet red", 1, "was not added to a network here", 3)]
    [InlineData("fairlead cni status mynet --path /nowhere", 1, "plugin net-script, STATUS: 'net-script' is not in /nowhere", 50)]
    [InlineData("fairlead cni gc mynet --valid c1", 2, "expected CONTAINERID/IFNAME", null)]
    [InlineData("fairlead cni gc mynet", 2, "say which attachments stay with --valid ID/NAME, or that none does with --all", null)]
    [InlineData("fairlead cni gc mynet --all --valid c1/eth0", 2, "say which attachments stay", null)]
    [InlineData("fairlead cni add mynet .", 2, "neither a path nor a namespace's name", null)]
    [InlineData("fairlead cni add mynet", 2, "Required argument missing", null)]
    [InlineData("fairlead cni add mynet red --timeout 0", 2, "expected seconds", null)]
    public async Task Mistakes_are_told_with_what_was_wrong(string command, int exitCode, string message, int? code)
    {
        (await _host.Sh($"fairlead cni install {_host.Home}/bin")).Ok();

        var said = await _host.Sh($"{Here(command)} -o json");

        Assert.Equal((exitCode, true), (said.ExitCode, said.Error.Contains(message, StringComparison.Ordinal) || Fail(said)));
        if (code is not null)
        {
            Assert.Equal(code, JsonDocument.Parse(said.Text).RootElement.GetProperty("code").GetInt32());
        }
    }

    [Fact]
    public async Task Another_s_plugins_are_left_alone()
    {
        Directory.CreateDirectory(Path.Combine(_host.Home, "bin"));
        await File.WriteAllTextAsync(Path.Combine(_host.Home, "bin", "bridge"), "another's", TestContext.Current.CancellationToken);

        Assert.Contains("left as they are: bridge", (await _host.Sh($"fairlead cni install {_host.Home}/bin")).Failed(), StringComparison.Ordinal);
        (await _host.Sh($"fairlead cni install {_host.Home}/bin --replace")).Ok();
        Assert.Contains("nothing to do", (await _host.Sh($"fairlead cni install {_host.Home}/bin")).Ok(), StringComparison.Ordinal);
        Assert.Contains("removed: ", (await _host.Sh($"fairlead cni install {_host.Home}/bin --remove")).Ok(), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_host.Home, "bin")));
    }

    private static bool Fail(Output said)
    {
        Assert.Fail(said.ToString());
        return false;
    }

    /// <summary>The document's folders and namespace are the machine's; the test has its own.</summary>
    private string Here(string command) => command.Replace("./fairlead", "fairlead", StringComparison.Ordinal)
        .Replace("/opt/cni/bin", $"{_host.Home}/bin", StringComparison.Ordinal).Replace(" red", $" {Red}", StringComparison.Ordinal)
        + (command.Contains("install", StringComparison.Ordinal) ? "" : $" --cache-dir {_host.Home}/cache");

    /// <summary>The course note's own configuration; where its addresses are kept is the test's.</summary>
    private string NetScript() => $$"""
        {
          "cniVersion": "0.2.0",
          "name": "mynet",
          "type": "net-script",
          "bridge": "cni0",
          "isGateway": true,
          "ipMasq": true,
          "ipam": {
            "type": "host-local",
            "subnet": "10.244.0.0/16",
            "dataDir": "{{_host.Home}}/data",
            "routes": [
              { "dst": "0.0.0.0/0" }
            ]
          }
        }
        """;
}
