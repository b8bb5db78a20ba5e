using Fairlead.Core.Routing;

namespace Fairlead.Tests.Routing;

public sealed class RequestTargetTests
{
    public static TheoryData<string, string, string, string> Accepted => new()
    {
        { "the root is itself", "/", "/", "" },
        { "a plain path is itself", "/a/b.html", "/a/b.html", "" },
        { "a query is kept apart", "/a?x=1&y=2", "/a", "?x=1&y=2" },
        { "an empty query is a query", "/a?", "/a", "?" },
        { "a second question mark belongs to the query", "/a?b?c", "/a", "?b?c" },
        { "a fragment is no part of a request", "/a?b#c", "/a", "?b" },
        { "a fragment without a query too", "/a#c", "/a", "" },
        { "slashes are merged", "//a///b//", "/a/b/", "" },
        { "a dot segment vanishes", "/a/./b", "/a/b", "" },
        { "a dot at the end leaves the folder", "/a/.", "/a/", "" },
        { "two dots go up", "/a/b/../c", "/a/c", "" },
        { "two dots at the end leave the folder above", "/a/b/..", "/a/", "" },
        { "two dots to the root", "/a/..", "/", "" },
        { "three dots are a name", "/a/.../b", "/a/.../b", "" },
        { "a name may begin with dots", "/..a/.b", "/..a/.b", "" },
        { "percent is decoded", "/%61%2fb", "/a/b", "" },
        { "decoded once only", "/%2561", "/%61", "" },
        { "encoded dots go up as well", "/a/%2e%2E/b", "/b", "" },
        { "an encoded question mark is part of the path", "/a%3fb", "/a?b", "" },
        { "UTF-8 becomes bytes", "/%C3%A9", "/\u00c3\u00a9", "" },
        { "bytes that are no UTF-8 stay bytes", "/%ff", "/\u00ff", "" },
        { "dots in the query mean nothing", "/a?b=/../c", "/a", "?b=/../c" },
        { "absolute form has a path behind its authority", "http://shop.example:80/a/b?c", "/a/b", "?c" },
        { "absolute form without a path is the root", "https://shop.example", "/", "" },
        { "absolute form with only a query", "http://shop.example?x", "/", "?x" },
    };

    [Theory, MemberData(nameof(Accepted))]
    public void Is_normalised_as_nginx_does(string because, string sent, string path, string query)
    {
        Assert.True(RequestTarget.TryParse(sent, out var target), because);

        Assert.Equal(path, target.Value.Path);
        Assert.Equal(query, target.Value.Query);
        Assert.StartsWith("/", target.Value.Raw, StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Refused => new()
    {
        { "above the root", "/.." },
        { "above the root, encoded", "/a/%2e%2e/%2e%2e/etc" },
        { "a percent without digits", "/a%" },
        { "a percent with one digit", "/a%1" },
        { "a percent with other letters", "/a%zz" },
        { "an encoded NUL", "/a%00b" },
        { "asterisk form", "*" },
        { "authority form", "shop.example:443" },
        { "another scheme", "ftp://shop.example/" },
        { "a space, which HTTP/2 could carry", "/a b" },
        { "a line end, which HTTP/2 could carry", "/a\r\nHost: b" },
        { "nothing", "" },
    };

    [Theory, MemberData(nameof(Refused))]
    public void Refuses_what_cannot_be_normalised(string because, string sent)
        => Assert.False(RequestTarget.TryParse(sent, out _), because);

    [Fact]
    public void A_plain_target_costs_no_new_string()
    {
        var sent = new string("/a/plain/path".AsSpan());

        Assert.True(RequestTarget.TryParse(sent, out var target));
        Assert.Same(sent, target.Value.Path);
    }

    [Theory]
    [InlineData("/a b", "/a%20b")]
    [InlineData("/\u00c3\u00a9", "/%C3%A9")]
    [InlineData("/a?b%", "/a%3Fb%25")]
    [InlineData("/plain-._~!$&'()*+,;=:@", "/plain-._~!$&'()*+,;=:@")]
    public void Escapes_what_may_not_be_sent(string path, string escaped) => Assert.Equal(escaped, RequestTarget.Escape(path));
}
