using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Fairlead.Cni.Runtime;

namespace Fairlead.KernelTests.Cni;

/// <summary>The reference plugins as peers: run by our runtime side, and on the same files as our plugins.</summary>
public sealed class ReferencePluginTests : IDisposable
{
    private const string Reference = "/usr/lib/cni"; // Debian's containernetworking-plugins
    private static readonly Lazy<bool> s_installed = new(Install);
    private readonly CniNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public ReferencePluginTests()
    {
        Assert.SkipUnless(s_installed.Value, "needs Debian's containernetworking-plugins");
        _node.WriteList("pods", "1.0.0", new JsonObject
        {
            ["type"] = "bridge",
            ["bridge"] = "cni0",
            ["isDefaultGateway"] = true,
            ["ipam"] = new JsonObject { ["type"] = "host-local", ["subnet"] = "10.32.0.0/24", ["dataDir"] = _node.DataFolder },
        });
    }

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task Our_runtime_side_runs_the_reference_plugins()
    {
        var runtime = Runtime(Reference);
        var (a, b) = (_node.NewPod(), _node.NewPod());
        var (resultA, resultB) = (await runtime.AddAsync(a.Attachment, _ct), await runtime.AddAsync(b.Attachment, _ct));
        await runtime.CheckAsync(a.Attachment, _ct);

        using var listener = b.Network.Listen(resultB.Addresses[0].Address, 80);
        Assert.Equal(resultA.Addresses[0].Address, await a.Network.ReachAsync(resultB.Addresses[0].Address, 80, listener, _ct));

        await runtime.DelAsync(a.Attachment, _ct);
        await runtime.DelAsync(b.Attachment, _ct);
        Assert.Empty(_node.Reserved());
        Assert.Empty(_node.Cables());
    }

    [Fact]
    public async Task A_node_can_change_to_our_plugins_without_draining()
    {
        var (old, next) = (_node.NewPod(), _node.NewPod());
        var first = await Runtime(Reference).AddAsync(old.Attachment, _ct);

        var second = await Runtime(_node.PluginFolder).AddAsync(next.Attachment, _ct);
        Assert.Equal(("10.32.0.2", "10.32.0.3"), (first.Addresses[0].Address.ToString(), second.Addresses[0].Address.ToString()));
        await Runtime(_node.PluginFolder).CheckAsync(old.Attachment, _ct);

        await Runtime(_node.PluginFolder).DelAsync(old.Attachment, _ct);
        Assert.Equal(["10.32.0.3"], _node.Reserved());
        Assert.Single(_node.Cables());
    }

    [Fact]
    public async Task And_back_again()
    {
        var pod = _node.NewPod();
        await Runtime(_node.PluginFolder).AddAsync(pod.Attachment, _ct);

        await Runtime(Reference).CheckAsync(pod.Attachment, _ct);
        await Runtime(Reference).DelAsync(pod.Attachment, _ct);

        Assert.Empty(_node.Reserved());
        Assert.Empty(_node.Cables());
    }

    /// <summary>Debian's are from before 1.1.0.</summary>
    [Theory]
    [InlineData(true, "1.0.0")]
    [InlineData(false, "1.1.0")]
    public async Task A_network_that_offers_versions_is_run_in_the_highest_that_its_plugins_speak(bool theirs, string expected)
    {
        var file = Directory.GetFiles(_node.ConfigFolder).Single();
        var list = JsonNode.Parse(await File.ReadAllTextAsync(file, _ct))!;
        list["cniVersions"] = new JsonArray("0.3.1", "0.4.0", "1.0.0", "1.1.0");
        await File.WriteAllTextAsync(file, list.ToJsonString(), _ct);
        var runtime = Runtime(theirs ? Reference : _node.PluginFolder);
        var pod = _node.NewPod();

        Assert.Equal(expected, (await runtime.DescribeAsync(_ct)).Version);
        await runtime.AddAsync(pod.Attachment, _ct);
        await runtime.CheckAsync(pod.Attachment, _ct);
        await runtime.DelAsync(pod.Attachment, _ct);
        await runtime.GcAsync([], _ct);

        Assert.Empty(_node.Reserved());
        Assert.Empty(_node.Cables());
    }

    [Theory]
    [InlineData("bridge", "host-local")]
    [InlineData("host-local", "bridge")]
    public async Task Either_can_be_swapped_alone_in_a_chain(string ours, string theirs)
    {
        var mixed = Directory.CreateDirectory(Path.Combine(_node.Folder, "mixed")).FullName;
        File.CreateSymbolicLink(Path.Combine(mixed, ours), PublishedPlugins.Executable);
        File.CreateSymbolicLink(Path.Combine(mixed, theirs), Path.Combine(Reference, theirs));
        var pod = _node.NewPod();
        var runtime = Runtime(mixed);

        var result = await runtime.AddAsync(pod.Attachment, _ct);
        await runtime.CheckAsync(pod.Attachment, _ct);

        using var listener = pod.Network.Listen(result.Addresses[0].Address, 80);
        Assert.NotNull(await _node.Network.ReachAsync(result.Addresses[0].Address, 80, listener, _ct));
        await runtime.DelAsync(pod.Attachment, _ct);
        Assert.Empty(_node.Reserved());
    }

    private CniRuntime Runtime(string folder) => new(_node.Options with { PluginDirectories = ImmutableArray.Create(folder) }, TimeProvider.System);

    private static bool Install()
    {
        if (File.Exists($"{Reference}/bridge"))
        {
            return true;
        }

        try
        {
            using var process = Process.Start(new ProcessStartInfo("apt-get", ["install", "-y", "-q", "--no-install-recommends", "containernetworking-plugins"])
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            _ = process.StandardError.ReadToEndAsync();
            process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return File.Exists($"{Reference}/bridge");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // no Debian
        }
    }
}
