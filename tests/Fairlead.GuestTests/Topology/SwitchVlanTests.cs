using Fairlead.KernelTests.Fixtures;

namespace Fairlead.GuestTests.Topology;

/// <summary>A topology's switch that tells VLANs apart, on a kernel that can.</summary>
public sealed class SwitchVlanTests : IDisposable
{
    private readonly Machine _machine = new();

    public void Dispose() => _machine.Dispose();

    [Fact]
    public async Task A_switch_filters_vlans_and_stops_doing_so()
    {
        var plain = Machine.Example("switch");
        var filtering = plain.Replace("- name: v-net-0", "- name: v-net-0\n    vlanFiltering: true", StringComparison.Ordinal);

        _machine.Apply(filtering);

        Assert.Contains("vlan_filtering 1", Details(), StringComparison.Ordinal);
        Assert.True(_machine.Plan(_machine.Parse(filtering)).IsEmpty);
        Assert.True(await _machine.PingAsync("a", "192.168.1.11"));
        _machine.Sh("machine", "bridge vlan add vid 7 dev b-br pvid untagged; bridge vlan del vid 1 dev b-br");
        _machine.Sh("a", "ip neighbour flush all");
        Assert.False(await _machine.PingAsync("a", "192.168.1.11"));

        _machine.Apply(plain);

        Assert.Contains("vlan_filtering 0", Details(), StringComparison.Ordinal);
        Assert.True(await _machine.PingAsync("a", "192.168.1.11"));
    }

    private string Details() => _machine.Sh("machine", "ip -d link show v-net-0");
}
