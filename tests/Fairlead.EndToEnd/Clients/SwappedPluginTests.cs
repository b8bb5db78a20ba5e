using Fairlead.EndToEnd.Fixtures;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd.Clients;

/// <summary>podman with chains in which some plugins are ours and some the reference ones, and with containers that outlive the change.</summary>
public sealed class SwappedPluginTests(PodmanMachine podman) : IClassFixture<PodmanMachine>, IAsyncLifetime
{
    private const string Reference = "/usr/lib/cni";
    private const string Ours = "/opt/ours";
    private static readonly string[] s_chain = ["bridge", "host-local", "portmap", "firewall", "tuning"];

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(File.Exists($"{Reference}/bridge"), "needs containernetworking-plugins");
        await podman.Machine.Sh($"[ -d {Ours} ] || {{ fairlead cni install {Ours}; podman network create swapped --subnet 10.85.0.0/24; }}; podman rm -f -t 0 --all; rm -rf /var/lib/cni/results/*").OkAsync();
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("bridge")]
    [InlineData("host-local")]
    [InlineData("portmap")]
    [InlineData("firewall")]
    [InlineData("tuning")]
    public async Task One_of_the_chain_is_the_reference_plugin(string plugin)
    {
        await UseAsync(s_chain.Except([plugin]));
        await RunsAndGoesAsync();
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("host-local")]
    [InlineData("portmap")]
    [InlineData("firewall")]
    [InlineData("tuning")]
    public async Task One_of_the_chain_is_ours(string plugin)
    {
        await UseAsync([plugin]);
        await RunsAndGoesAsync();
    }

    [Fact]
    public async Task Containers_of_the_reference_plugins_live_on_beside_ours_and_are_removed_by_ours()
    {
        await UseAsync([]);
        await podman.RunAsync("before", "--network swapped -p 8080:80");
        await UseAsync(s_chain);
        await podman.RunAsync("after", "--network swapped -p 8081:80");
        using (var before = await podman.NamespaceOfAsync("before"))
        using (var after = await podman.NamespaceOfAsync("after"))
        {
            Assert.Equal(RuntimeMachine.NeighbourAddress, await AskedByNeighbourAsync(8080, before));
            Assert.Equal(RuntimeMachine.NeighbourAddress, await AskedByNeighbourAsync(8081, after));
            Assert.NotNull(await before.ReachAsync(await podman.AddressOfAsync("after", "swapped"), 80, after, 80));
        }

        await podman.RemoveAsync("before");
        await podman.RunAsync("instead", "--network swapped -p 8080:80");
        using (var instead = await podman.NamespaceOfAsync("instead"))
        {
            Assert.Equal(RuntimeMachine.NeighbourAddress, await AskedByNeighbourAsync(8080, instead));
        }

        await podman.RemoveAsync("after", "instead");
        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task Containers_of_ours_are_removed_by_the_reference_plugins_and_what_those_do_not_know_is_the_tables()
    {
        await UseAsync(s_chain);
        await podman.RunAsync("before", "--network swapped -p 8080:80");
        await UseAsync([]);
        await podman.RunAsync("after", "--network swapped -p 8081:80");
        using (var before = await podman.NamespaceOfAsync("before"))
        using (var after = await podman.NamespaceOfAsync("after"))
        {
            Assert.Equal(RuntimeMachine.NeighbourAddress, await AskedByNeighbourAsync(8080, before));
            Assert.Equal(RuntimeMachine.NeighbourAddress, await AskedByNeighbourAsync(8081, after));
        }

        // Debian's reference bridge (1.1) fails where its masquerade chain is not there, after all else is done: podman says so and goes on.
        await podman.RemoveAsync("before", "after");
        Assert.Empty((await LeftAsync()).Where(line => !line.Contains("elements", StringComparison.Ordinal) && !line.Contains("--ctstate DNAT", StringComparison.Ordinal)));
        foreach (var (command, _) in DocumentSession.Read("docs/cni.md", "In the place of the reference plugins"))
        {
            await podman.Machine.Sh(command).OkAsync();
        }

        Assert.Empty(await LeftAsync());

        async Task<IEnumerable<string>> LeftAsync()
            => (await podman.LeftAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => !line.StartsWith("/var/lib/cni/results/", StringComparison.Ordinal));
    }

    private async Task RunsAndGoesAsync()
    {
        await podman.RunAsync("mixed", "--network swapped -p 8080:80");
        using (var container = await podman.NamespaceOfAsync("mixed"))
        {
            Assert.Equal(RuntimeMachine.NeighbourAddress, await AskedByNeighbourAsync(8080, container));
            Assert.NotNull(await podman.Machine.Network.ReachAsync("127.0.0.1", 8080, container, 80));
            Assert.Equal(RuntimeMachine.Address, $"{await container.ReachAsync(RuntimeMachine.NeighbourAddress, 80, podman.Machine.Neighbour, 80)}");
        }

        await podman.RemoveAsync("mixed");
        Assert.Equal("", await podman.LeftAsync());
    }

    private async Task<string> AskedByNeighbourAsync(int port, NetworkNamespace container)
        => $"{await podman.Machine.Neighbour.ReachAsync(RuntimeMachine.Address, port, container, 80)}";

    /// <summary>Makes podman's folder hold these of ours and the others of the reference's.</summary>
    private async Task UseAsync(IEnumerable<string> ours)
    {
        var own = ours.ToHashSet(StringComparer.Ordinal);
        await podman.Machine.Sh(string.Join("; ", s_chain.Select(p => $"ln -sfn {(own.Contains(p) ? Ours : Reference)}/{p} {PodmanMachine.Plugins}/{p}"))).OkAsync();
    }
}
