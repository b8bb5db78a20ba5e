using System.Xml.Linq;

namespace Fairlead.Tests.Architecture;

/// <summary>The arrows of ARCHITECTURE.md, read from the project files.</summary>
public sealed class ArrowTests
{
    /// <summary>What each project may see of the others. A project that is not here fails the test: the picture must be drawn first.</summary>
    private static readonly Dictionary<string, string[]> s_mayReference = new(StringComparer.Ordinal)
    {
        ["Fairlead.Linux"] = [],
        ["Fairlead.Kube"] = [],
        ["Fairlead.Core"] = ["Fairlead.Kube"],
        ["Fairlead.Cni"] = ["Fairlead.Linux"],
        ["Fairlead.Topology"] = ["Fairlead.Cni", "Fairlead.Linux"],
        ["Fairlead.Agent"] = ["Fairlead.Cni", "Fairlead.Core", "Fairlead.Linux", "Fairlead.Kube", "Fairlead.Proxy"],
        ["Fairlead.Proxy"] = ["Fairlead.Core", "Fairlead.Linux", "Fairlead.Kube"],
        ["Fairlead.Dns"] = ["Fairlead.Core", "Fairlead.Kube"],
        ["Fairlead.Ingress"] = ["Fairlead.Core", "Fairlead.Kube"],
        ["Fairlead.ApiServer"] = ["Fairlead.Kube"],
        ["Fairlead.Lab"] = ["*"],
        ["Fairlead"] = ["*"],
    };

    public static TheoryData<string> Projects => [.. Directory.GetDirectories(Path.Combine(SourceTree.Root, "src")).Select(d => Path.GetFileName(d)!).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Projects))]
    public void A_project_references_only_what_the_picture_allows(string project)
    {
        var allowed = s_mayReference[project];
        var file = XDocument.Load(Path.Combine(SourceTree.Root, "src", project, $"{project}.csproj"));
        var references = file.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.All(references, r => Assert.True(allowed.Contains("*") || allowed.Contains(r), $"{project} must not reference {r}"));
    }

    [Fact]
    public void The_kernel_layer_depends_on_no_package()
        => Assert.Empty(XDocument.Load(Path.Combine(SourceTree.Root, "src/Fairlead.Linux/Fairlead.Linux.csproj")).Descendants("PackageReference"));

    [Fact]
    public void The_kernel_layer_knows_nothing_of_Kubernetes_and_the_API_layer_nothing_of_Linux()
    {
        Assert.DoesNotContain(SourceTree.Files("src/Fairlead.Linux"), f => File.ReadAllText(f).Contains("Fairlead.Kube", StringComparison.Ordinal));
        Assert.DoesNotContain(SourceTree.Files("src/Fairlead.Kube"), f => File.ReadAllText(f).Contains("Fairlead.Linux", StringComparison.Ordinal));
    }
}
