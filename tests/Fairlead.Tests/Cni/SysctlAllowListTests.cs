using Fairlead.Cni.Plugins.Chained;
using Fairlead.Cni.Protocol;

namespace Fairlead.Tests.Cni;

/// <summary>The machine's list of settings that networks may change.</summary>
public sealed class SysctlAllowListTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("^net\\.ipv4\\.conf\\.IFNAME\\.[a-z_]*$", "net.ipv4.conf.IFNAME.arp_filter", true, "as it is written")]
    [InlineData("^net\\.ipv4\\.conf\\.eth0\\.arp_filter$", "net.ipv4.conf.IFNAME.arp_filter", true, "as it then is")]
    [InlineData("^net/ipv4/conf/eth0/arp_filter$", "net.ipv4.conf.eth0.arp_filter", true, "as a path")]
    [InlineData("^net\\.ipv4\\.conf\\.eth1\\.", "net.ipv4.conf.eth0.arp_filter", false, "of another interface")]
    [InlineData("somaxconn\n\n  arp_filter  ", "net.ipv4.conf.eth0.arp_filter", true, "in a line of several")]
    [InlineData("", "net.ipv4.conf.eth0.arp_filter", false, "nothing is allowed")]
    public void A_setting_must_match_a_line(string list, string setting, bool allowed, string because)
    {
        File.WriteAllText(_folder["allowlist.conf"], list);
        var settings = new[] { new TuningSetting(setting.Replace("IFNAME", "eth0", StringComparison.Ordinal).Replace('.', '/'), "1", setting) };

        var refusal = Record.Exception(() => SysctlAllowList.Verify(settings, _folder["allowlist.conf"]));

        Assert.Equal((allowed, because), (refusal is null, because));
        Assert.Equal(allowed ? null : CniErrorCode.InvalidNetworkConfig, (refusal as CniException)?.Code);
    }

    [Fact]
    public void Without_the_file_all_is_allowed_and_a_line_that_is_no_expression_is_an_error_of_the_file()
    {
        var settings = new[] { new TuningSetting("net/core/somaxconn", "1", "net.core.somaxconn") };
        SysctlAllowList.Verify(settings, _folder["none"]);
        File.WriteAllText(_folder["bad"], "net[");

        var refusal = Assert.Throws<CniException>(() => SysctlAllowList.Verify(settings, _folder["bad"]));

        Assert.Equal(CniErrorCode.InputOutput, refusal.Code);
        Assert.Contains("net[", refusal.Message, StringComparison.Ordinal);
    }
}
