using Fairlead.Kube.Objects;
using Fairlead.Kube.Selectors;
using Fairlead.Kube.State;

namespace Fairlead.Tests.Kube;

public sealed class SelectorTests
{
    private static readonly EquatableMap s_labels = EquatableMap.Of(("app", "web"), ("tier", "front"), ("cores", "8"), ("example.com/x", ""));

    public static TheoryData<string, bool> Texts => new()
    {
        { "", true },
        { "app=web", true },
        { "app==web,tier=front", true },
        { "app=db", false },
        { "app!=db", true },
        { "other!=x", true },
        { "app in (db, web)", true },
        { "app notin (db,web)", false },
        { "other notin (a)", true },
        { "app", true },
        { "!app", false },
        { "!other , tier", true },
        { "cores>4", true },
        { "cores < 4", false },
        { "example.com/x=", true },
        { "app=web,app=db", false },
    };

    [Theory, MemberData(nameof(Texts))]
    public void A_selector_in_text_means_what_kubectl_means(string text, bool matches)
    {
        Assert.True(LabelSelectors.TryParse(text, out var selector, out var problem), problem);
        Assert.Equal(matches, LabelSelectors.Matches(selector, s_labels));
        Assert.True(LabelSelectors.TryParse(LabelSelectors.Format(selector), out var again, out _));
        Assert.Equal(matches, LabelSelectors.Matches(again, s_labels));
    }

    [Theory]
    [InlineData("=x")]
    [InlineData("app in web")]
    [InlineData("app in (web")]
    [InlineData("app web")]
    [InlineData("a!b")]
    [InlineData("cores>many")]
    [InlineData("-app=web")]
    public void What_is_no_selector_is_refused(string text)
    {
        Assert.False(LabelSelectors.TryParse(text, out _, out var problem));
        Assert.StartsWith("unable to parse requirement", problem, StringComparison.Ordinal);
    }

    [Fact]
    public void No_selector_selects_nothing_and_the_empty_one_everything()
    {
        Assert.False(LabelSelectors.Matches((LabelSelector?)null, s_labels));
        Assert.True(LabelSelectors.Matches(new LabelSelector(), s_labels));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("spec.nodeName=n1", true)]
    [InlineData("spec.nodeName==n1,status.phase!=Failed", true)]
    [InlineData("spec.nodeName!=n1", false)]
    [InlineData("metadata.name=a\\,b", true)]
    public void Fields_are_selected_by_their_text(string text, bool matches)
    {
        Assert.True(FieldSelector.TryParse(text, out var selector, out var problem), problem);
        Assert.Equal(matches, selector.Matches(f => f switch { "spec.nodeName" => "n1", "metadata.name" => "a,b", "status.phase" => "Running", _ => "" }));
        Assert.False(FieldSelector.TryParse("nonsense", out _, out _));
    }

    [Fact]
    public void Percentages_are_of_the_total()
    {
        Assert.Equal(3, new IntOrString("25%").Scale(9, roundUp: true));
        Assert.Equal(2, new IntOrString("25%").Scale(9, roundUp: false));
        Assert.Equal(4, new IntOrString(4).Scale(9, roundUp: true));
    }
}
