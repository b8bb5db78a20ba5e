using System.Text.RegularExpressions;
using Fairlead.Core.Routing;

namespace Fairlead.Tests.Routing;

public sealed class RewriteTemplateTests
{
    public static TheoryData<string, string, string, string, string, string> Cases => new()
    {
        { "a plain target replaces the whole path", "/watch", "/", "/watch/film", "", "/" },
        { "the query stays", "/watch", "/", "/watch", "?id=7", "/?id=7" },
        { "captures are put in", "/api(/|$)(.*)", "/$2", "/api/v1/users", "", "/v1/users" },
        { "an empty capture is nothing", "/api(/|$)(.*)", "/$2", "/api", "", "/" },
        { "a capture that took no part is nothing", "/(a)?(b)", "/$1-$2", "/b", "", "/-b" },
        { "a capture that does not exist is nothing", "/(a)", "/$1$9", "/a", "", "/a" },
        { "two digits are one digit and text", "/(a)", "/$12", "/a", "", "/a2" },
        { "a dollar alone is text", "/(a)", "/$x$", "/a", "", "/$x$" },
        { "a target without a slash gets one", "/(a)", "$1", "/a", "", "/a" },
        { "arguments of the template come first", "/(a)", "/x?n=$1", "/a", "?q=1", "/x?n=a&q=1" },
        { "a question mark at the end drops the query", "/(a)", "/x?", "/a", "?q=1", "/x" },
        { "arguments and a dropped query", "/(a)", "/x?n=$1?", "/a", "?q=1", "/x?n=a" },
        { "arguments of the template are sent as written", "/(a)", "/x?n=%20", "/a", "", "/x?n=%20" },
        { "a capture cannot begin a query", "/(.*)", "/x/$1", "/a?b", "", "/x/a%3Fb" },
        { "a capture is escaped again", "/(.*)", "/$1", "/a b", "", "/a%20b" },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Rewrites_as_nginx_does(string because, string pattern, string template, string path, string query, string expected)
    {
        var match = new Regex("^" + pattern, RegexOptions.NonBacktracking).Match(path);

        Assert.True(match.Success, because);
        Assert.Equal(expected, RewriteTemplate.Parse(template).Apply(match, query));
    }

    [Fact]
    public void Templates_of_the_same_text_are_equal() => Assert.Equal(RewriteTemplate.Parse("/$1"), RewriteTemplate.Parse("/$1"));
}
