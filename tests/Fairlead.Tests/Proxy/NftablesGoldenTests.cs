using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.Yaml;
using Fairlead.Linux.Nftables;
using Fairlead.Proxy.Nftables;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Proxy;

/// <summary>What is written to the kernel for given objects, a folder a case: objects.yaml (and before.yaml, what was there), expected.nft.</summary>
/// <remarks>The node is <c>here</c>; its README line stands first in objects.yaml.</remarks>
public sealed class NftablesGoldenTests
{
    private static readonly NftablesLayout s_layout = new(IPFamily.IPv4, IPNetwork.Parse("10.32.0.0/12"), IPNetwork.Parse("10.96.0.0/12"));

    public static TheoryData<string> All => [.. Directory.GetDirectories(Golden.Folder("Cases")).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(All))]
    public void Renders(string name)
    {
        var folder = Path.Combine(Golden.Folder("Cases"), name);
        var index = new FrontendIndex(IPFamily.IPv4);
        var image = new NftablesImage();
        if (File.Exists(Path.Combine(folder, "before.yaml")))
        {
            image.Apply(Plan(index, image, Path.Combine(folder, "before.yaml")));
        }

        var transaction = new NftTransaction(NftFamily.Ip, NftablesLayout.Table).Add(Plan(index, image, Path.Combine(folder, "objects.yaml")), s_layout);

        Golden.Match(transaction.ToString(), Path.Combine(folder, "expected.nft"));
    }

    [Fact]
    public void Renders_the_constant_part()
        => Golden.Match(NftablesEncoding.Constant(s_layout, []).ToString(), Path.Combine(Golden.Folder("Layout"), "ip.nft"));

    [Fact]
    public void Renders_the_constant_part_for_the_other_family()
        => Golden.Match(
            NftablesEncoding.Constant(new(IPFamily.IPv6, IPNetwork.Parse("fd00:32::/48"), IPNetwork.Parse("fd00:96::/112")), []).ToString(),
            Path.Combine(Golden.Folder("Layout"), "ip6.nft"));

    private static NftablesPlan Plan(FrontendIndex index, NftablesImage image, string file)
    {
        var documents = KubeYaml.Parse(File.ReadAllText(file));
        var services = documents.Where(d => (string?)d["kind"] == "Service").Select(d => KubeJson.FromNode<Service>(d));
        var slices = documents.Where(d => (string?)d["kind"] == "EndpointSlice").Select(d => KubeJson.FromNode<EndpointSlice>(d));
        var touched = new Touched();
        index.Update(ServiceTableCompiler.Compile(services, slices, new NodeFacts("here") { ExternalIPs = [IPNetwork.Parse("198.51.100.0/24")] }), touched);
        return NftablesPlanner.Plan(index, touched, image);
    }
}
