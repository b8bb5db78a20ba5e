using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Cni.DBus;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;

namespace Fairlead.KernelTests.Cni;

/// <summary><c>firewall</c> beside a firewalld that runs on the node, with a bus of its own between them.</summary>
public sealed class FirewalldTests : IDisposable
{
    private const string Name = "org.fedoraproject.FirewallD1";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);
    private readonly PluginNode _node = new();
    private readonly List<Process> _processes = [];
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public FirewalldTests()
    {
        Shell.Need("dbus-daemon");
        Shell.Need("firewalld");
    }

    public void Dispose()
    {
        foreach (var process in _processes)
        {
            process.Kill();
            process.WaitForExit();
            process.Dispose();
        }

        _node.Dispose();
    }

    [Fact]
    public async Task Containers_are_put_into_a_zone_and_reach_what_firewalld_would_keep_from_them()
    {
        var outside = _node.Uplink();
        outside.Sh("ip route add 10.61.0.0/24 via 198.51.100.1");
        await StartAsync(_node.Network);
        var (pod, previous) = Bridge();
        pod.Network.Sh("ip route replace default via 10.61.0.1");
        var far = IPAddress.Parse("198.51.100.2");
        using var listener = outside.Listen(far, 80);
        Assert.True(pod.Network.CannotConnect(far, 80));
        var config = Of("""{"type":"firewall"}""");

        _node.Add(config, pod, previous: previous);
        _node.Add(config, pod, previous: previous);

        Assert.NotNull(await pod.Network.ReachAsync(far, 80, listener, _ct));
        Assert.Equal("10.61.0.2/32 fd61::2/128", Sources("trusted"));
        _node.Call("CHECK", config, pod, previous: previous).Success();
        FirewallCmd("--zone=trusted --remove-source=fd61::2/128");
        Assert.Contains("fd61::2", _node.Call("CHECK", config, pod, previous: previous).Refused(102).Message, StringComparison.Ordinal);
        _node.Del(config, pod);
        Assert.Equal("", Sources("trusted"));
        _node.Del(config, pod, previous: previous);

        // GC too, and out of the zone that the network names.
        var other = Of("""{"type":"firewall","backend":"firewalld","firewalldZone":"internal"}""");
        _node.Add(other, pod, previous: previous);
        Assert.Equal("10.61.0.2/32 fd61::2/128", Sources("internal"));
        _node.Gc(other);
        Assert.Equal("", Sources("internal"));
        FirewallCmd("--zone=internal --add-source=10.61.0.2/32");
        Assert.Contains("trusted", _node.Call("ADD", config, pod, previous: previous).Refused(7).Message, StringComparison.Ordinal); // it is another zone's
        Assert.Equal(("", "10.61.0.2/32"), (Sources("trusted"), Sources("internal")));
        Assert.Contains("firewalldZone", _node.Call("ADD", Of("""{"type":"firewall","firewalldZone":"nowhere"}"""), pod, previous: previous).Refused(7).Message, StringComparison.Ordinal);
        Assert.DoesNotContain("10.61.0.2", _node.Network.Sh("nft list table inet fairlead-cni-firewall"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_of_another_network_namespace_is_left_alone()
    {
        await StartAsync(_node.NewNamespace("f"));
        var (pod, previous) = Bridge();

        _node.Add(Of("""{"type":"firewall"}"""), pod, previous: previous);

        Assert.Contains("10.61.0.2", _node.Network.Sh("nft list set inet fairlead-cni-firewall containers"), StringComparison.Ordinal);
        Assert.Contains("does not run", _node.Call("ADD", Of("""{"type":"firewall","backend":"firewalld"}"""), pod, previous: previous).Refused(50).Message, StringComparison.Ordinal);
    }

    private string Sources(string zone) => string.Join(' ', FirewallCmd($"--zone={zone} --list-sources").Split(' ', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));

    private string FirewallCmd(string arguments) => _node.Network.Sh($"DBUS_SYSTEM_BUS_ADDRESS={_node.Bus} firewall-cmd {arguments}").Trim();

    private async Task StartAsync(NetworkNamespace network)
    {
        var socket = Path.Combine(_node.Folder, "bus");
        _node.Bus = $"unix:path={socket}";
        var file = Path.Combine(_node.Folder, "bus.conf");
        await File.WriteAllTextAsync(file, $"""
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>system</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
              <policy context="default"><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
            </busconfig>
            """, _ct);
        Start(network, $"exec dbus-daemon --config-file={file} --nofork --nopidfile");
        await WaitAsync(() => File.Exists(socket));
        var own = Directory.CreateDirectory(Path.Combine(_node.Folder, "firewalld")).FullName;
        Start(network, $"DBUS_SYSTEM_BUS_ADDRESS={_node.Bus} exec firewalld --nofork --nopid --system-config {own} --log-file {own}/log");
        await WaitAsync(() =>
        {
            using var bus = DBusConnection.OpenSystem(_node.Bus);
            return bus?.HasOwner(Name) == true && network.Sh($"DBUS_SYSTEM_BUS_ADDRESS={_node.Bus} firewall-cmd --state || true").Trim() == "running";
        });
    }

    private void Start(NetworkNamespace network, string line) => _processes.Add(network.Run(() => Process.Start(new ProcessStartInfo("/bin/sh", ["-c", $"{line} > {_node.Folder}/{_processes.Count}.log 2>&1"])))!);

    private async Task WaitAsync(Func<bool> holds)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(_ct);
        limit.CancelAfter(s_patience);
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        while (!holds())
        {
            await timer.WaitForNextTickAsync(limit.Token);
        }
    }

    private (PluginPod Pod, JsonNode Previous) Bridge()
    {
        var pod = _node.NewPod();
        return (pod, _node.Add(new JsonObject { ["type"] = "bridge", ["isGateway"] = true, ["ipam"] = _node.HostLocal("10.61.0.0/24", "fd61::/64") }, pod));
    }

    private static JsonObject Of(string json) => (JsonObject)JsonNode.Parse(json)!;
}
