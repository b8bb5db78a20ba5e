using System.Reflection;
using System.Text;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Architecture;

/// <summary>Each project's public surface as a file: its difference in a change is the review of the API.</summary>
public sealed class PublicApiTests
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static TheoryData<string> Projects =>
    [
        "Fairlead.Agent", "Fairlead.ApiServer", "Fairlead.Cni", "Fairlead.Core", "Fairlead.Dns", "Fairlead.Ingress",
        "Fairlead.Kube", "Fairlead.Lab", "Fairlead.Linux", "Fairlead.Proxy", "Fairlead.Topology",
    ];

    [Theory, MemberData(nameof(Projects))]
    public void Is_what_was_agreed(string project)
        => Golden.Match(Render(Assembly.Load(project)), Path.Combine(Golden.Folder("Api"), $"{project}.txt"));

    private static string Render(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().Where(t => !t.Name.StartsWith('<')).OrderBy(t => t.FullName, StringComparer.Ordinal))
        {
            text.Append(Kind(type)).Append(' ').AppendLine(type.FullName);
            foreach (var member in type.GetMembers(Declared).Where(IsWritten).Select(m => m.ToString()!).Order(StringComparer.Ordinal))
            {
                text.Append("    ").AppendLine(member);
            }
        }

        return text.ToString();
    }

    private static string Kind(Type type) => type switch
    {
        { IsInterface: true } => "interface",
        { IsEnum: true } => "enum",
        { IsValueType: true } => "struct",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsSealed: true } => "sealed class",
        { IsAbstract: true } => "abstract class",
        _ => "class",
    };

    /// <summary>Leaves out what the compiler writes for a record, accessors, and what is inherited in name only.</summary>
    private static bool IsWritten(MemberInfo member)
        => member is not MethodBase { IsSpecialName: true, IsConstructor: false }
            && member.Name is not ("<Clone>$" or "Equals" or "GetHashCode" or "ToString" or "PrintMembers" or "Deconstruct" or "EqualityContract" or "value__")
            && member.MemberType != MemberTypes.NestedType;
}
