using System.Diagnostics;
using System.Globalization;
using Fairlead.EndToEnd.Fixtures;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd.Clients;

/// <summary>A machine for a container runtime: networks, mounts, processes and cgroups of its own, and a neighbour on its uplink.</summary>
/// <remarks>
/// What is written to <c>/etc</c>, <c>/opt</c>, <c>/var</c> and <c>/run</c> stays in it, so a runtime runs with its own default folders.
/// Its first process reads what this object holds open: when that is closed, by whatever end of the test, the kernel ends every
/// process of the machine, and with the last of them go its mounts.
/// </remarks>
public sealed class RuntimeMachine : IAsyncDisposable
{
    public const string Address = "198.51.100.1";
    public const string Address6 = "2001:db8::1";
    public const string NeighbourAddress = "198.51.100.2";

    private const string Cgroups = "/sys/fs/cgroup";
    private const string Prefix = "fairlead-t-";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private static readonly Lazy<bool> s_swept = new(Sweep);

    // In the machine's cgroups before these are its root: a program that is started finds its own there.
    private const string Enter = """
        awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts | while read -r m; do
          mkdir $m/$1 || exit 1
          for f in cpuset.cpus cpuset.mems; do [ ! -e $m/$f ] || cat $m/$f > $m/$1/$f; done
          echo $$ > $m/$1/cgroup.procs
        done
        exec unshare --mount --pid --cgroup --fork --kill-child --mount-proc --propagation private -- sh -ec "$2" machine $1
        """;

    private const string Furnish = """
        awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts | while read -r m; do mount --bind $m/$1 $m; done
        mount -t tmpfs -o mode=755 tmpfs /run
        mkdir -p /run/netns /run/lock
        for d in /etc /opt /var; do
          mkdir -p /run/upper$d /run/work$d
          mount -t overlay overlay -o lowerdir=$d,upperdir=/run/upper$d,workdir=/run/work$d $d
        done
        for d in /var/lib/containers /var/lib/containerd /var/lib/cni; do
          mkdir -p $d
          mount -t tmpfs -o mode=755 tmpfs $d
        done
        rm -rf /etc/cni/net.d
        mkdir -p /etc/cni/net.d
        echo ready
        exec catatonit -- cat
        """;

    private readonly TestHost _host = new();
    private Process? _holder;

    private RuntimeMachine()
    {
    }

    /// <summary>The machine's own network.</summary>
    public NetworkNamespace Network => _host.Namespace;

    /// <summary>Another machine on its uplink.</summary>
    public NetworkNamespace Neighbour { get; private set; } = null!;

    /// <summary>A folder that is the same in the machine and outside.</summary>
    public string Home => _host.Home;

    private string CgroupName => _host.Namespace.Name!;

    public static async Task<RuntimeMachine> StartAsync(params string[] programs)
    {
        foreach (var program in (string[])["unshare", "nsenter", "catatonit", .. programs])
        {
            Assert.SkipUnless("/usr/sbin:/usr/bin:/sbin:/bin".Split(':').Any(d => File.Exists($"{d}/{program}")), $"needs {program}");
        }

        var machine = new RuntimeMachine();
        _ = s_swept.Value;
        try
        {
            await machine.BootAsync();
            return machine;
        }
        catch
        {
            await machine.DisposeAsync();
            throw;
        }
    }

    /// <summary>A path of the machine's as it is seen from outside.</summary>
    public string Inside(string path) => string.Create(CultureInfo.InvariantCulture, $"/proc/{_holder!.Id}/root{path}");

    public NetworkNamespace Open(string netns) => NetworkNamespace.OpenPath(Inside(netns));

    /// <summary>Runs a command line in the machine.</summary>
    public Task<Output> Sh(string commandLine, string? input = null) => _host.Sh(Entering(commandLine), input);

    /// <summary>Starts a program in the machine, which ends at the latest with it.</summary>
    public Process Start(string commandLine) => _host.Start(Entering(commandLine));

    public async ValueTask DisposeAsync()
    {
        if (_holder is not null)
        {
            _holder.StandardInput.Close();
            using var patience = new CancellationTokenSource(s_patience);
            await _holder.WaitForExitAsync(patience.Token);
            _holder.Dispose();
        }

        RemoveCgroups(CgroupName);
        if (Neighbour is not null)
        {
            Neighbour.Dispose();
            _ = NetworkNamespace.Delete(Neighbour.Name!);
        }

        await _host.DisposeAsync();
    }

    private async Task BootAsync()
    {
        Neighbour = NetworkNamespace.Create($"{_host.Namespace.Name}-neighbour");
        (await _host.Sh(
            $"ip link add uplink type veth peer name uplink netns {Neighbour.Name}; ip link set uplink up; ip addr add {Address}/24 dev uplink; "
            + $"ip -6 addr add {Address6}/64 dev uplink nodad; ip -n {Neighbour.Name} link set lo up; ip -n {Neighbour.Name} link set uplink up; "
            + $"ip -n {Neighbour.Name} addr add {NeighbourAddress}/24 dev uplink; ip -n {Neighbour.Name} -6 addr add 2001:db8::2/64 dev uplink nodad; "
            + "sysctl -qw net.bridge.bridge-nf-call-iptables=1 || true")).Ok();
        _host.SetVariable("PATH", $"{Repository.Root}:/usr/sbin:/usr/bin:/sbin:/bin:{Environment.GetEnvironmentVariable("PATH")}");
        _holder = _host.Start($"set -- {CgroupName} {Quoted(Furnish)}\n{Enter}", withInput: true);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(s_patience);
        if (await _holder.StandardOutput.ReadLineAsync(patience.Token) != "ready")
        {
            Assert.Fail(await _holder.StandardError.ReadToEndAsync(patience.Token));
        }
    }

    private string Entering(string commandLine) => string.Create(
        CultureInfo.InvariantCulture,
        $"exec nsenter --mount=/proc/{_holder!.Id}/ns/mnt --cgroup=/proc/{_holder.Id}/ns/cgroup --pid=/proc/{_holder.Id}/ns/pid_for_children -- sh -c {Quoted(commandLine)}");

    private static string Quoted(string text) => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>Cgroups outlive their processes; those within first.</summary>
    private static void RemoveCgroups(string name)
    {
        foreach (var root in new[] { Cgroups }.Concat(Directory.Exists(Cgroups) ? Directory.GetDirectories(Cgroups) : []).Select(d => Path.Combine(d, name)).Where(Directory.Exists))
        {
            foreach (var folder in Directory.GetDirectories(root, "*", SearchOption.AllDirectories).OrderByDescending(d => d.Length).Append(root))
            {
                Directory.Delete(folder);
            }
        }
    }

    /// <summary>Cgroups of a test run that was killed: their names carry the number of a process that is no more.</summary>
    private static bool Sweep()
    {
        var orphans = new[] { Cgroups }.Concat(Directory.Exists(Cgroups) ? Directory.GetDirectories(Cgroups) : [])
            .SelectMany(d => Directory.GetDirectories(d, $"{Prefix}*")).Select(d => Path.GetFileName(d)).Distinct(StringComparer.Ordinal)
            .Where(n => int.TryParse(n[Prefix.Length..].Split('-')[0], CultureInfo.InvariantCulture, out var process) && !Directory.Exists($"/proc/{process}"));
        foreach (var name in orphans)
        {
            RemoveCgroups(name);
        }

        return true;
    }
}
