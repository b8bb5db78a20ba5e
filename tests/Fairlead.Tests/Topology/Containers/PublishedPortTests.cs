using Fairlead.Topology.Containers;

namespace Fairlead.Tests.Topology.Containers;

/// <summary>What may follow <c>-p</c>.</summary>
public sealed class PublishedPortTests
{
    [Theory]
    [InlineData("80", "*:0->80/tcp")]
    [InlineData("8080:80", "*:8080->80/tcp")]
    [InlineData("8080:80/udp", "*:8080->80/udp")]
    [InlineData("8080:80/TCP", "*:8080->80/tcp")]
    [InlineData("127.0.0.1:8080:80", "127.0.0.1:8080->80/tcp")]
    [InlineData("127.0.0.1::80", "127.0.0.1:0->80/tcp")]
    [InlineData("[::1]:8080:80", "[::1]:8080->80/tcp")]
    [InlineData("[2001:DB8::1]::80", "[2001:db8::1]:0->80/tcp")]
    [InlineData("8000-8002:80-82", "*:8000->80/tcp *:8001->81/tcp *:8002->82/tcp")]
    [InlineData("80-81", "*:0->80/tcp *:0->81/tcp")]
    public void A_port_is_read(string text, string expected)
        => Assert.Equal(expected, string.Join(' ', PublishedPort.Parse(text)));

    [Theory]
    [InlineData("", "'' is not a port")]
    [InlineData("0", "'0' is not a port")]
    [InlineData("65536:80", "'65536' is not a port")]
    [InlineData("http", "'http' is not a port")]
    [InlineData("8080:80/sctp", "'sctp' is neither tcp nor udp")]
    [InlineData("1.2.3:8080:80", "'1.2.3' is not an address")]
    [InlineData("[::1:8080:80", "too many parts")]
    [InlineData("1.2.3.4:5:6:7", "too many parts")]
    [InlineData("8000-8010:80", "11 ports of the host cannot lead to 1 of the container")]
    [InlineData("90-80", "ends before it begins")]
    [InlineData("1-2-3", "'1-2-3' is not a port")]
    [InlineData("-80", "'-80' is not a port")]
    public void Anything_else_is_refused(string text, string because)
    {
        var refused = Assert.Throws<ContainerException>(() => PublishedPort.Parse(text));

        Assert.Contains(because, refused.Message, StringComparison.Ordinal);
        Assert.True(refused.IsWrongUsage);
    }

    [Theory]
    [InlineData("8080:80", "8080:81", true)]
    [InlineData("8080:80", "8080:80/udp", false)]
    [InlineData("8080:80", "127.0.0.1:8080:80", true)]
    [InlineData("127.0.0.1:8080:80", "127.0.0.2:8080:80", false)]
    [InlineData("0.0.0.0:8080:80", "[::]:8080:80", false)]
    [InlineData("0.0.0.0:8080:80", "127.0.0.2:8080:80", true)]
    public void Two_ports_meet_where_one_packet_could_be_for_both(string one, string other, bool meet)
        => Assert.Equal(meet, PublishedPort.Parse(one)[0].MeetsHostPortOf(PublishedPort.Parse(other)[0]));
}
