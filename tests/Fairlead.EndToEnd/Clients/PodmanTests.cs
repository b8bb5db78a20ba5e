using System.Net;
using System.Text.RegularExpressions;
using Fairlead.EndToEnd.Fixtures;
using Fairlead.Linux.Namespaces;

namespace Fairlead.EndToEnd.Clients;

/// <summary>podman, with its CNI backend, on our plugins alone.</summary>
public sealed partial class PodmanTests(PodmanMachine podman) : IClassFixture<PodmanMachine>
{
    [Fact]
    public async Task The_session_of_the_document_runs_as_it_is_written()
    {
        var session = DocumentSession.Read("docs/cni.md", "With podman");
        Assert.Contains(session, step => step.Command.StartsWith("podman run", StringComparison.Ordinal));

        foreach (var (command, expected) in session)
        {
            var said = await podman.Machine.Sh(command.Replace("docker.io/library/busybox", ContainerImage.Name, StringComparison.Ordinal)).OkAsync();
            Assert.All(expected, line => Assert.Contains(line.Trim(), said, StringComparison.Ordinal));
        }

        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task Published_ports_are_reached_from_outside_from_the_host_and_from_a_neighbour()
    {
        await podman.PodmanAsync("network create ports --subnet 10.70.0.0/24");
        await podman.RunAsync("server", "--network ports -p 8080:80 -p 5353:53/udp -p 198.51.100.1:9090:90");
        await podman.RunAsync("beside", "--network ports");
        using var server = await podman.NamespaceOfAsync("server");
        using var beside = await podman.NamespaceOfAsync("beside");

        Assert.Equal("198.51.100.2", $"{await podman.Machine.Neighbour.ReachAsync(RuntimeMachine.Address, 8080, server, 80)}");
        Assert.Equal("198.51.100.2", $"{await podman.Machine.Neighbour.ReachAsync(RuntimeMachine.Address, 9090, server, 90)}");
        Assert.NotNull(await podman.Machine.Network.ReachAsync("127.0.0.1", 8080, server, 80));
        Assert.NotNull(await podman.Machine.Network.ReachAsync(RuntimeMachine.Address, 8080, server, 80));
        Assert.NotNull(await beside.ReachAsync(RuntimeMachine.Address, 8080, server, 80));
        Assert.NotNull(await server.ReachAsync(RuntimeMachine.Address, 8080, server, 80));
        Assert.Null(await podman.Machine.Network.ReachAsync("127.0.0.1", 9090, server, 90));
        Assert.Equal("hello", await podman.Machine.Neighbour.AskAsync(RuntimeMachine.Address, 5353, server, 53));
        Assert.Equal("hello", await podman.Machine.Network.AskAsync("127.0.0.1", 5353, server, 53));

        await podman.RemoveAsync("server", "beside");
        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task Containers_of_a_network_reach_each_other_and_go_out_with_the_host_s_address()
    {
        await podman.PodmanAsync("network create within --subnet 10.71.0.0/24");
        await podman.RunAsync("left", "--network within");
        await podman.RunAsync("right", "--network within");
        using var left = await podman.NamespaceOfAsync("left");
        using var right = await podman.NamespaceOfAsync("right");

        Assert.Equal(await podman.AddressOfAsync("left", "within"), $"{await left.ReachAsync(await podman.AddressOfAsync("right", "within"), 80, right, 80)}");
        Assert.Equal(RuntimeMachine.Address, $"{await left.ReachAsync(RuntimeMachine.NeighbourAddress, 80, podman.Machine.Neighbour, 80)}");

        await podman.RemoveAsync("left", "right");
        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task A_container_has_two_networks_and_is_connected_to_others_and_disconnected_while_it_runs()
    {
        await podman.PodmanAsync("network create first --subnet 10.72.0.0/24");
        await podman.PodmanAsync("network create second --subnet 10.73.0.0/24");
        await podman.PodmanAsync("network create third --subnet 10.74.0.0/24");

        // Without their names podman gives them in any order.
        await podman.RunAsync("both", "--network first:ip=10.72.0.50,interface_name=eth0 --network second:interface_name=eth1 -p 8081:80");
        Assert.Equal("eth0 10.72.0.50/24 eth1 10.73.0.2/24", await AddressesAsync("both"));
        await podman.PodmanAsync("network connect --ip 10.74.0.9 third both");
        Assert.Equal("eth0 10.72.0.50/24 eth1 10.73.0.2/24 eth2 10.74.0.9/24", await AddressesAsync("both"));
        await podman.PodmanAsync("network disconnect second both");
        Assert.Equal("eth0 10.72.0.50/24 eth2 10.74.0.9/24", await AddressesAsync("both"));

        using (var both = await podman.NamespaceOfAsync("both"))
        {
            Assert.Equal("198.51.100.2", $"{await podman.Machine.Neighbour.ReachAsync(RuntimeMachine.Address, 8081, both, 80)}");
        }

        await podman.RemoveAsync("both");
        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task An_address_and_a_hardware_address_are_as_asked_for()
    {
        await podman.PodmanAsync("network create asked --subnet 10.75.0.0/24 --gateway 10.75.0.254 --ip-range 10.75.0.128/25");

        await podman.RunAsync("fixed", "--network asked --ip 10.75.0.177 --mac-address 02:00:00:00:00:77");
        await podman.RunAsync("ranged", "--network asked");

        Assert.Equal("eth0 10.75.0.177/24", await AddressesAsync("fixed"));
        Assert.Contains("02:00:00:00:00:77", await podman.PodmanAsync("exec fixed ip link show eth0"), StringComparison.Ordinal);
        Assert.Contains("default via 10.75.0.254", await podman.PodmanAsync("exec fixed ip route"), StringComparison.Ordinal);
        Assert.InRange(IPAddress.Parse(await podman.AddressOfAsync("ranged", "asked")).GetAddressBytes()[3], 128, 254);
        Assert.Contains("10.75.0.177", (await podman.Machine.Sh($"podman run --rm --network asked --ip 10.75.0.177 {ContainerImage.Name} sleep 0")).Failed(), StringComparison.Ordinal);

        await podman.RemoveAsync("fixed", "ranged");
        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task A_network_of_both_families_works_in_both()
    {
        await podman.PodmanAsync("network create dual --ipv6 --subnet 10.76.0.0/24 --subnet fd00:76::/64 --opt mtu=1400");
        await podman.RunAsync("dual", "--network dual -p 8082:80");
        using var dual = await podman.NamespaceOfAsync("dual");

        Assert.Equal("198.51.100.2", $"{await podman.Machine.Neighbour.ReachAsync(RuntimeMachine.Address, 8082, dual, 80)}");
        Assert.Equal("2001:db8::2", $"{await podman.Machine.Neighbour.ReachAsync(RuntimeMachine.Address6, 8082, dual, 80)}");
        Assert.NotNull(await podman.Machine.Network.ReachAsync("::1", 8082, dual, 80) ?? await podman.Machine.Network.ReachAsync(RuntimeMachine.Address6, 8082, dual, 80));
        Assert.Equal(RuntimeMachine.Address6, $"{await dual.ReachAsync("2001:db8::2", 80, podman.Machine.Neighbour, 80)}");
        Assert.Equal("fd00:76::2", await podman.AddressOfAsync("dual", "dual", "GlobalIPv6Address"));
        Assert.Contains("mtu 1400", await podman.PodmanAsync("exec dual ip link show eth0"), StringComparison.Ordinal);

        await podman.RemoveAsync("dual");
        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task Networks_that_are_isolated_do_not_speak_with_each_other()
    {
        await podman.PodmanAsync("network create apart --subnet 10.77.0.0/24 --opt isolate=true");
        await podman.PodmanAsync("network create aside --subnet 10.78.0.0/24 --opt isolate=true");
        await podman.RunAsync("apart", "--network apart");
        await podman.RunAsync("aside", "--network aside");
        await podman.RunAsync("mate", "--network apart");
        using var apart = await podman.NamespaceOfAsync("apart");
        using var aside = await podman.NamespaceOfAsync("aside");
        using var mate = await podman.NamespaceOfAsync("mate");

        Assert.NotNull(await mate.ReachAsync(await podman.AddressOfAsync("apart", "apart"), 80, apart, 80));
        Assert.Null(await aside.ReachAsync(await podman.AddressOfAsync("apart", "apart"), 80, apart, 80));

        await podman.RemoveAsync("apart", "aside", "mate");
        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task A_pod_s_containers_share_one_network_and_a_restarted_one_has_its_ports_again()
    {
        await podman.PodmanAsync("network create shared --subnet 10.79.0.0/24");
        await podman.PodmanAsync($"pod create --name pod --network shared -p 8083:80 --infra-image {ContainerImage.Name} --infra-command '/bin/sleep 1000000'");
        await podman.RunAsync("member", "--pod pod");
        Assert.Equal("eth0 10.79.0.2/24", await AddressesAsync("member"));

        await podman.PodmanAsync("pod restart pod");
        using (var member = NetworkNamespace.OpenPath(podman.Machine.Inside((await podman.Machine.Sh("ls -d /run/netns/*").OkAsync()).Trim())))
        {
            Assert.Equal("198.51.100.2", $"{await podman.Machine.Neighbour.ReachAsync(RuntimeMachine.Address, 8083, member, 80)}");
        }

        await podman.PodmanAsync("pod rm -f -t 0 pod");
        Assert.Equal("", await podman.LeftAsync());
    }

    [Fact]
    public async Task A_container_that_was_killed_is_cleaned_up_and_its_port_can_be_had_again()
    {
        await podman.PodmanAsync("network create killed --subnet 10.81.0.0/24");
        var first = (await podman.RunAsync("killed", "--network killed -p 8084:80")).Trim();
        var taken = (await podman.Machine.Sh($"podman run --rm --network killed -p 8084:80 {ContainerImage.Name} sleep 0")).Failed();
        Assert.Matches("8084|address already in use", taken);

        await podman.Machine.Sh($"kill -9 $(podman inspect --format '{{{{.State.ConmonPid}}}} {{{{.State.Pid}}}}' {first})").OkAsync();
        await podman.RemoveAsync("killed");
        Assert.Equal("", await podman.LeftAsync());

        await podman.RunAsync("again", "--network killed -p 8084:80");
        await podman.RemoveAsync("again");
        Assert.Equal("", await podman.LeftAsync());
    }

    private async Task<string> AddressesAsync(string container) => string.Join(
        ' ', InterfaceAddress().Matches(await podman.PodmanAsync($"exec {container} ip -4 -o addr")).Select(m => $"{m.Groups[1].Value} {m.Groups[2].Value}"));

    [GeneratedRegex(@"(eth\d+)\s+inet ([\d./]+)")]
    private static partial Regex InterfaceAddress();
}
