using System.Net;
using System.Text;
using Fairlead.Agent.CniConfig;
using Fairlead.Agent.Masquerade;
using Fairlead.Core.Services;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Agent;

/// <summary>What the agent writes for others to read.</summary>
public sealed class AgentGoldenTests
{
    private static readonly IPNetwork s_podRange = IPNetwork.Parse("10.32.1.0/24");

    [Fact]
    public void The_configuration_for_container_runtimes()
        => Golden.Match(
            Encoding.UTF8.GetString(CniConflist.Render(
                [s_podRange], 1450, new("/var/lib/fairlead/cni/networks", "/run/fairlead/cni.sock", "/var/lib/fairlead/policy-namespaces"))), Path.Combine(Golden.Folder("Expected"), CniConflist.FileName));

    [Fact]
    public void The_masquerade_table()
        => Golden.Match(
            MasqueradeReconciler.Plan(IPFamily.IPv4, [s_podRange], [IPNetwork.Parse("10.32.0.0/12")], [IPNetwork.Parse("10.96.0.0/12")]).ToString(),
            Path.Combine(Golden.Folder("Expected"), "masquerade.nft"));

    [Fact]
    public void The_masquerade_table_of_IPv6()
        => Golden.Match(
            MasqueradeReconciler.Plan(IPFamily.IPv6, [s_podRange, IPNetwork.Parse("fd32:0:0:1::/64")], [IPNetwork.Parse("10.32.0.0/12"), IPNetwork.Parse("fd32::/48")], [IPNetwork.Parse("10.96.0.0/12")])
                .ToString(),
            Path.Combine(Golden.Folder("Expected"), "masquerade6.nft"));
}
