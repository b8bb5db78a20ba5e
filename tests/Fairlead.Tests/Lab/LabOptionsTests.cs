using Fairlead.Lab;

namespace Fairlead.Tests.Lab;

public sealed class LabOptionsTests
{
    public static TheoryData<string, LabOptions, string> Faulty => new()
    {
        { "overlap", new() { PodCidr = "10.96.0.0/16" }, "overlap" },
        { "host bits", new() { PodCidr = "10.32.0.1/12" }, "host bits" },
        { "not a range", new() { ServiceCidr = "ten" }, "--service-cidr 'ten'" },
        { "IPv6 comes later", new() { ServiceCidr = "fd00::/108" }, "--service-cidr 'fd00::/108'" },
        { "too narrow for the nodes", new() { PodCidr = "10.32.0.0/24", Nodes = 2 }, "to /23" },
        { "service range too narrow", new() { ServiceCidr = "10.96.0.0/28" }, "to /24" },
        { "no node", new() { Nodes = 0 }, "--nodes 0" },
        { "too many nodes", new() { Nodes = 33 }, "--nodes 33" },
        { "name with a slash", new() { Name = "../x" }, "--name '../x'" },
        { "name ends with a dash", new() { Name = "x-" }, "--name 'x-'" },
        { "port zero", new() { ApiPort = 0 }, "--api-port 0" },
        { "unknown mode", new() { ProxyMode = "ebpf" }, "--proxy-mode 'ebpf'" },
        { "unknown overlay", new() { Overlay = "geneve" }, "--overlay 'geneve'" },
    };

    [Theory, MemberData(nameof(Faulty))]
    public void Names_the_flag_and_the_remedy(string because, LabOptions options, string expected)
    {
        var faults = options.Faults();

        Assert.True(faults.Count == 1, because);
        Assert.Contains(expected, faults[0], StringComparison.Ordinal);
    }

    [Fact]
    public void The_defaults_have_no_fault() => Assert.Empty(new LabOptions().Faults());

    [Fact]
    public void All_faults_come_at_once() => Assert.Equal(2, new LabOptions { Nodes = 0, Name = "" }.Faults().Count);
}
