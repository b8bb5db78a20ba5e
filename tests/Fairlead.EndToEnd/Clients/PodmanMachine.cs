using System.Text.Json;
using Fairlead.EndToEnd.Fixtures;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd.Clients;

/// <summary>A machine with podman whose networks are made by the plugins of a folder.</summary>
public sealed class PodmanMachine : IAsyncLifetime
{
    /// <summary>What a test has to say to podman that a machine with systemd and all its rights has not: where cgroups are, and limits that it may set.</summary>
    private const string HereOnly = """
        [containers]
        default_ulimits = ["nofile=4096:4096", "nproc=16384:16384"]
        [engine]
        cgroup_manager = "cgroupfs"
        events_logger = "file"
        runtime = "runc"
        """;

    public RuntimeMachine Machine { get; private set; } = null!;

    /// <summary>The folder that podman takes its plugins from.</summary>
    public static string Plugins => "/opt/cni/bin";

    public async ValueTask InitializeAsync()
    {
        Machine = await RuntimeMachine.StartAsync("podman", "runc", "conmon");
        ContainerImage.Write(Path.Combine(Machine.Home, "image.tar"));
        await Machine.Sh("mkdir -p /etc/containers/containers.conf.d; cat > /etc/containers/containers.conf.d/here.conf", HereOnly).OkAsync();
        await Machine.Sh("cat > /etc/containers/containers.conf", DocumentSession.Block("docs/cni.md", "With podman", "toml")).OkAsync();
        await Machine.Sh($"fairlead cni install {Plugins} && podman load -q -i {Machine.Home}/image.tar").OkAsync();
        var backend = await Machine.Sh("podman info --format '{{.Host.NetworkBackend}}'").OkAsync();
        Assert.SkipUnless(backend.Trim() == "cni", $"this podman has no CNI: {backend}");
    }

    public async ValueTask DisposeAsync()
    {
        if (Machine is not null)
        {
            await Machine.DisposeAsync();
        }
    }

    public Task<string> PodmanAsync(string arguments) => Machine.Sh($"podman {arguments}").OkAsync();

    /// <summary>Runs a container that sleeps.</summary>
    public Task<string> RunAsync(string name, string options) => PodmanAsync($"run -d --name {name} {options} {ContainerImage.Name}");

    public async Task<NetworkNamespace> NamespaceOfAsync(string container)
        => Machine.Open((await PodmanAsync($"inspect --format '{{{{.NetworkSettings.SandboxKey}}}}' {container}")).Trim());

    /// <summary>A container's address in a network as podman has it from the plugins' result.</summary>
    public async Task<string> AddressOfAsync(string container, string network, string property = "IPAddress")
    {
        var networks = JsonDocument.Parse(await PodmanAsync($"inspect --format '{{{{json .NetworkSettings.Networks}}}}' {container}")).RootElement;
        return networks.GetProperty(network).GetProperty(property).GetString()!;
    }

    public async Task RemoveAsync(params string[] containers) => await PodmanAsync($"rm -f -t 0 {string.Join(' ', containers)}");

    /// <summary>Whatever there still is of containers, after all were removed: links, addresses, rules, files, mounts, processes.</summary>
    public async Task<string> LeftAsync() => await Machine.Sh("""
        ip -o link | grep -oE '(veth|ifb|bwp)[^:@]*'
        find /var/lib/cni/networks -type f | grep -vE '/(lock|last_reserved_ip[^/]*)$'
        find /var/lib/cni/results -type f
        find /run/netns -type f
        nft list ruleset | grep -E 'eth[0-9]|elements'
        iptables-save | grep -E -- '-d 10\.[0-9.]+/32|-s 10\.[0-9.]+/32|CNI-[0-9a-f]{8}|CNI-(DN|SN)-[0-9a-z]{8}'
        ip6tables-save | grep -E -- '-d fd[0-9a-f:]+/128|-s fd[0-9a-f:]+/128|CNI-[0-9a-f]{8}|CNI-(DN|SN)-[0-9a-z]{8}'
        grep -oE ' /var/lib/containers/storage/overlay/[^ ]*/merged| [^ ]*/shm ' /proc/mounts | grep containers
        ps -eo args | grep -E '^(/usr/bin/conmon|/bin/sleep)'
        true
        """).OkAsync();
}

internal static class OutputTasks
{
    public static async Task<string> OkAsync(this Task<Output> output) => (await output).Ok();
}
