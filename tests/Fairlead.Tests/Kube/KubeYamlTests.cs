using Fairlead.Kube.Yaml;

namespace Fairlead.Tests.Kube;

public sealed class KubeYamlTests
{
    public static TheoryData<string, string, string> Scalars => new()
    {
        { "a quoted number is a text", "'80'", "\"80\"" },
        { "a plain number is a number", "80", "80" },
        { "a negative number", "-5", "-5" },
        { "a file mode is octal", "0644", "420" },
        { "a fraction", "0.5", "0.5" },
        { "a version is a text", "1.2.3", "\"1.2.3\"" },
        { "an amount is a text", "64Mi", "\"64Mi\"" },
        { "a truth value", "true", "true" },
        { "what older YAML calls a truth value", "yes", "true" },
        { "the same quoted", "\"no\"", "\"no\"" },
        { "a single letter is a text", "y", "\"y\"" },
        { "nothing", "", "null" },
        { "null", "~", "null" },
        { "a block text keeps its lines", "|\n  a\n  b\n", "\"a\\nb\\n\"" },
        { "a number too large for one is read as a fraction", "12345678901234567890123", "1.2345678901234568E+22" },
        { "a date is a text", "2026-01-02", "\"2026-01-02\"" },
        { "an address is a text", "10.32.0.0/12", "\"10.32.0.0/12\"" },
        { "a tag makes a text", "!!str 80", "\"80\"" },
    };

    [Theory, MemberData(nameof(Scalars))]
    public void Scalars_are_read_as_kubectl_reads_them(string because, string yaml, string json)
        => Assert.Equal((because, json), (because, KubeYaml.Parse($"v: {yaml}")[0]["v"]?.ToJsonString() ?? "null"));

    [Fact]
    public void Each_document_is_one_object_and_a_List_is_its_items()
    {
        var documents = KubeYaml.Parse("---\nkind: A\n---\n---\n# nothing\n---\nkind: List\nitems:\n- kind: B\n- kind: C\n");

        Assert.Equal(["A", "B", "C"], documents.Select(d => (string)d["kind"]!));
    }

    [Fact]
    public void An_alias_is_what_it_stands_for()
    {
        var document = KubeYaml.Parse("a: &x {k: 1}\nb: *x\n")[0];

        Assert.Equal("""{"a":{"k":1},"b":{"k":1}}""", document.ToJsonString());
    }

    [Fact]
    public void Aliases_that_multiply_are_stopped()
    {
        var lines = new List<string> { "a0: &a0 [x, x, x, x, x, x, x, x, x, x]" };
        for (var i = 1; i < 9; i++)
        {
            lines.Add($"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]");
        }

        Assert.Contains("aliases", Assert.Throws<FormatException>(() => KubeYaml.Parse(string.Join('\n', lines))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: [1", "line")]
    [InlineData("- a\n- b\n", "must be a map")]
    [InlineData("a: 1\na: 2\n", "line")]
    public void What_is_no_manifest_is_refused_with_its_line(string yaml, string problem)
        => Assert.Contains(problem, Assert.Throws<FormatException>(() => KubeYaml.Parse(yaml)).Message, StringComparison.Ordinal);
}
