using Fairlead.Lab.Pods.Variables;

namespace Fairlead.Tests.Pods;

public sealed class VariableExpansionTests
{
    public static TheoryData<string, string, string> Cases => new()
    {
        { "a known name", "x $(A) y", "x 1 y" },
        { "two beside each other", "$(A)$(B)", "12" },
        { "an unknown name stays", "$(NO)", "$(NO)" },
        { "a doubled sign is one", "$$(A)", "$(A)" },
        { "three are one and a name", "$$$(A)", "$1" },
        { "a shell variable is not ours", "$HOME ${A}", "$HOME ${A}" },
        { "an open end stays", "$(A", "$(A" },
        { "a sign at the end stays", "cost 5$", "cost 5$" },
        { "an empty name is a name", "$()", "$()" },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Expands(string because, string text, string expected)
    {
        var values = new Dictionary<string, string> { ["A"] = "1", ["B"] = "2" };

        Assert.True(expected == VariableExpansion.Expand(text, values.GetValueOrDefault), because);
    }
}
