using Fairlead.KernelTests.Fixtures;
using Fairlead.Topology;

namespace Fairlead.KernelTests.Topology;

/// <summary>Two machines, which share the names of namespaces as any two network namespaces do.</summary>
public sealed class OwnershipTests : IDisposable
{
    private readonly Machine _machine = new();
    private readonly Machine _other = new();

    [Fact]
    public void A_topology_of_the_same_name_on_another_machine_is_a_stranger_s()
    {
        var topology = _machine.Parse(Machine.Example("red-and-blue"));
        _machine.Apply(topology);

        var refused = Assert.Throws<TopologyException>(() => _other.Apply(topology));
        Assert.Contains("is of the topology red-and-blue of another machine", refused.Message, StringComparison.Ordinal);
        _ = _other.Delete("red-and-blue");

        Assert.Equal(["blue", "red"], _machine.Namespaces);
        Assert.True(_machine.Plan(topology).IsEmpty);
    }

    public void Dispose()
    {
        _machine.Dispose();
        _other.Dispose();
    }
}
