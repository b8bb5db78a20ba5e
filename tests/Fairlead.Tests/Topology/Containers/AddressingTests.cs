using System.Net;
using Fairlead.Topology.Containers;
using Fairlead.Topology.Containers.Addressing;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Tests.Topology.Containers;

/// <summary>Which ranges networks get, and which addresses containers.</summary>
public sealed class AddressingTests
{
    [Theory]
    [InlineData(true, "172.30.0.0/16", "")]
    [InlineData(true, "172.31.0.0/16", "172.30.200.0/24")]
    [InlineData(true, "192.168.16.0/20", "172.28.0.0/14", "192.168.1.0/24")]
    [InlineData(true, "172.20.0.0/16", "172.30.0.0/15", "192.168.0.0/16", "172.18.0.0/15")]
    [InlineData(false, "172.31.0.0/16", "")]
    public void The_first_range_that_meets_nothing_is_chosen(bool isDefault, string expected, params string[] taken)
        => Assert.Equal(expected, SubnetChooser.ChooseIPv4(Taken(taken), isDefault).ToString());

    [Fact]
    public void Where_everything_is_taken_a_person_must_choose()
        => Assert.Throws<ContainerException>(() => SubnetChooser.ChooseIPv4(Taken("172.16.0.0/12", "192.168.0.0/16"), isDefault: true));

    [Fact]
    public void A_drawn_range_of_IPv6_is_unique_and_local()
    {
        var one = SubnetChooser.ChooseIPv6();

        Assert.Equal(64, one.PrefixLength);
        Assert.True(IPNetwork.Parse("fd00::/8").Contains(one.BaseAddress));
        Assert.NotEqual(one, SubnetChooser.ChooseIPv6());
    }

    [Theory]
    [InlineData("10.0.0.0/31", null, null, "must be room")]
    [InlineData("10.0.0.0/8", null, null, "overlaps the route to 10.9.0.0/16")]
    [InlineData("10.8.0.0/24", "10.8.1.1", null, "--gateway 10.8.1.1 is not an address for a host in 10.8.0.0/24")]
    [InlineData("10.8.0.0/24", "10.8.0.255", null, "--gateway 10.8.0.255 is not")]
    [InlineData("10.8.0.0/24", null, "10.8.1.0/25", "--ip-range 10.8.1.0/25 is outside")]
    [InlineData("10.8.0.0/24", null, "10.8.0.0/16", "--ip-range 10.8.0.0/16 is outside")]
    public void What_was_asked_for_by_hand_is_checked(string range, string? gateway, string? pool, string because)
    {
        var refused = Assert.Throws<ContainerException>(() => SubnetChooser.Check(
            IPNetwork.Parse(range), gateway is null ? null : IPAddress.Parse(gateway), pool is null ? null : IPNetwork.Parse(pool), Taken("10.9.0.0/16")));

        Assert.Contains(because, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Containers_get_the_next_free_address_of_the_pool_until_there_is_none()
    {
        var network = Network(new NetworkSubnet("10.8.0.0/29", "10.8.0.6", "10.8.0.4/30"));
        var members = new List<ContainerRecord>();

        foreach (var expected in (ReadOnlySpan<string>)["10.8.0.4/29", "10.8.0.5/29"])
        {
            var addresses = AddressPool.Take(network, [], members).Select(a => a.ToString()).ToList();
            Assert.Equal([expected], addresses);
            members.Add(Member(addresses));
        }

        Assert.Contains("no free address left", Assert.Throws<ContainerException>(() => AddressPool.Take(network, [], members)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_IPv6_an_address_of_each_family_is_given_and_either_can_be_asked_for()
    {
        var network = Network(new NetworkSubnet("10.8.0.0/24", "10.8.0.1"), new NetworkSubnet("fd00:8::/64", "fd00:8::1"));

        Assert.Equal(["10.8.0.2/24", "fd00:8::2/64"], AddressPool.Take(network, [], []).Select(a => a.ToString()));
        Assert.Equal(["10.8.0.2/24", "fd00:8::99/64"], AddressPool.Take(network, ["fd00:8::99"], []).Select(a => a.ToString()));
    }

    private static List<TakenRange> Taken(params string[] ranges) => [.. ranges.Where(r => r.Length > 0).Select(r => new TakenRange(IPNetwork.Parse(r), $"the route to {r}"))];

    private static NetworkRecord Network(params NetworkSubnet[] subnets) => new()
    {
        Id = new string('a', 64), Name = "lab", Bridge = "fl-aaaaaaaaaaaa", Subnets = subnets, Created = DateTimeOffset.UnixEpoch, HostNamespace = 1, BootId = "b",
    };

    private static ContainerRecord Member(IReadOnlyList<string> addresses) => new()
    {
        Id = Naming.NewId(), Options = new ContainerOptions { Command = ["true"], Name = "one" }, State = ContainerState.Running, HostName = "one", Addresses = addresses,
        Created = DateTimeOffset.UnixEpoch, Supervisor = new ProcessRecord(1, 1), BootId = "b", HostNamespace = 1,
    };
}
