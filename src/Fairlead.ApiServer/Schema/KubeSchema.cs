using System.Collections.Immutable;

namespace Fairlead.ApiServer.Schema;

/// <summary>All described types, read once from the schema files in this assembly.</summary>
internal static class KubeSchema
{
    private static readonly Lazy<ImmutableSortedDictionary<string, SchemaType>> s_types = new(Load);

    public static ImmutableSortedDictionary<string, SchemaType> Types => s_types.Value;

    /// <summary>A type by package and name, as "core.Pod".</summary>
    public static SchemaType Type(string name) => Types[name];

    public static SchemaType ObjectMeta => Type("meta.ObjectMeta");

    private static ImmutableSortedDictionary<string, SchemaType> Load()
    {
        var assembly = typeof(KubeSchema).Assembly;
        return SchemaText.Parse(assembly.GetManifestResourceNames()
            .Where(name => name.EndsWith(".schema", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(name =>
            {
                using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
                return reader.ReadToEnd();
            }));
    }
}
