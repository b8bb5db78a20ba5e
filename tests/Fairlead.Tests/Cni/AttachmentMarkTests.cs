using Fairlead.Cni.Plugins;
using Fairlead.Cni.Protocol;

namespace Fairlead.Tests.Cni;

public sealed class AttachmentMarkTests
{
    private static readonly CniAttachmentKey s_key = new(new string('a', 64), "eth0");

    [Fact]
    public void A_mark_is_read_back_from_an_alias_and_from_a_comment()
    {
        var mark = AttachmentMark.Of("pods", s_key) with { Pod = "app-space/wear-1" };

        Assert.True(mark.IsSameAs(AttachmentMark.OfAlias(mark.Alias)));
        Assert.True(mark.IsSameAs(AttachmentMark.OfComment(mark.Comment)));
        Assert.EndsWith(" app-space/wear-1", mark.Alias, StringComparison.Ordinal);
    }

    [Fact]
    public void It_always_fits_and_still_tells_apart_what_is_cut()
    {
        var longKey = new CniAttachmentKey(new string('b', 255), "abcdefghijklmno");
        var mark = AttachmentMark.Of(new string('n', 255), longKey) with { Pod = new string('p', 300) };

        Assert.True(mark.Comment.Length <= 127);
        Assert.True(mark.Alias.Length <= 255);
        Assert.True(mark.IsSameAs(AttachmentMark.OfComment(mark.Comment)));
        Assert.False(mark.IsSameAs(AttachmentMark.Of(new string('n', 255), longKey with { ContainerId = new string('b', 254) })));
        Assert.False(mark.IsStale(new string('n', 255), [longKey]));
        Assert.True(mark.IsStale(new string('n', 255), []));
        Assert.False(mark.IsStale("other", []));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("fairlead")]
    [InlineData("somebody else's link")]
    [InlineData("fairlead a/b")]
    public void Another_alias_is_no_mark(string? alias) => Assert.Null(AttachmentMark.OfAlias(alias));
}
