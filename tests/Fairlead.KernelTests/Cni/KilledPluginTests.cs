using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.Linux.Processes;

namespace Fairlead.KernelTests.Cni;

/// <summary>Kills the plugin with SIGKILL at moments spread over its whole run.</summary>
public sealed class KilledPluginTests : IDisposable
{
    private const int Rounds = 40;
    private readonly CniNode _node = new();
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task After_a_kill_at_any_moment_DEL_leaves_nothing_and_the_next_ADD_succeeds()
    {
        var config = new JsonObject
        {
            ["cniVersion"] = "1.1.0",
            ["name"] = "pods",
            ["type"] = "bridge",
            ["isDefaultGateway"] = true,
            ["ipMasq"] = true,
            ["ipam"] = new JsonObject { ["type"] = "host-local", ["subnet"] = "10.32.0.0/29", ["dataDir"] = _node.DataFolder },
        };
        var input = System.Text.Encoding.UTF8.GetBytes(config.ToJsonString());
        var (network, attachment) = _node.NewPod();
        Assert.True((await RunAsync("ADD", attachment.ContainerId, network.Path, input)).Succeeded); // makes the bridge
        Assert.True((await RunAsync("DEL", attachment.ContainerId, network.Path, input)).Succeeded);

        for (var round = 0; round < Rounds; round++)
        {
            var id = string.Create(CultureInfo.InvariantCulture, $"k{round}");
            await RunAsync("ADD", id, network.Path, input, TimeSpan.FromMilliseconds(round * 0.5));

            Assert.True((await RunAsync("DEL", id, network.Path, input)).Succeeded);
            Assert.Empty(_node.Cables());
            Assert.Empty(_node.Reserved());
        }

        // Six addresses less the gateway: none was lost, or this would not be possible.
        foreach (var i in Enumerable.Range(0, 5))
        {
            Assert.True((await RunAsync("ADD", $"last{i}", _node.NewPod().Network.Path, input)).Succeeded);
        }

        Assert.Equal(5, _node.Reserved().Length);
    }

    private async Task<ExitStatus> RunAsync(string command, string id, string path, byte[] input, TimeSpan? killAfter = null)
    {
        using var stdin = Pipe.Create();
        using var process = ProcessHandle.Start(new SpawnOptions
        {
            Executable = Path.Combine(_node.PluginFolder, "bridge"),
            Network = _node.Network,
            Input = stdin.Reader,
            Environment = new Dictionary<string, string>
            {
                ["CNI_COMMAND"] = command,
                ["CNI_CONTAINERID"] = id,
                ["CNI_NETNS"] = path,
                ["CNI_IFNAME"] = "eth0",
                ["CNI_PATH"] = _node.PluginFolder,
            },
        });
        await using (var stream = new FileStream(stdin.Writer, FileAccess.Write, 0))
        {
            try
            {
                await stream.WriteAsync(input, _ct);
            }
            catch (IOException)
            {
                // Killed before it read.
            }
        }

        if (killAfter is { } time)
        {
            await Task.WhenAny(process.WaitAsync(_ct), Task.Delay(time, TimeProvider.System, _ct));
            process.Kill();
        }

        return await process.WaitAsync(_ct);
    }
}
