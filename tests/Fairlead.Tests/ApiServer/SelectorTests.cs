using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Selection;

namespace Fairlead.Tests.ApiServer;

public sealed class SelectorTests
{
    public static TheoryData<string, bool> Selectors => new()
    {
        { "", true }, { "app=web", true }, { "app==web", true }, { "app!=web", false }, { "app in (web,db)", true }, { "app notin (web)", false },
        { "app", true }, { "!app", false }, { "!other", true }, { "other!=x", true }, { "app=web,tier=front", true }, { "app=web,tier=back", false },
        { "n>3", true }, { "n<3", false }, { "app in (db), tier", false }, { "tier notin (back),app", true },
    };

    [Theory, MemberData(nameof(Selectors))]
    public void Label_selectors_match_as_in_Kubernetes(string selector, bool expected)
    {
        var labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "web", ["tier"] = "front", ["n"] = "5" };

        Assert.Equal(expected, LabelSelectors.Matches(LabelSelectors.Parse(selector), labels));
    }

    [Theory]
    [InlineData("a=b c")]
    [InlineData("=b")]
    [InlineData("a in b")]
    [InlineData("!")]
    [InlineData("a=(")]
    public void A_selector_that_makes_no_sense_is_a_bad_request(string selector)
        => Assert.Equal(400, Assert.Throws<StatusException>(() => LabelSelectors.Parse(selector)).Code);
}
