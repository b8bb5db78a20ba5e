using System.Net;
using Fairlead.Linux;
using Fairlead.Linux.Nftables;
using FsCheck;
using FsCheck.Fluent;

namespace Fairlead.Tests.Linux;

public sealed class ValueTests
{
    [Theory]
    [InlineData("10.0.0.1/24", "10.0.0.0/24")]
    [InlineData("10.0.0.1/32", "10.0.0.1/32")]
    [InlineData("255.255.255.255/0", "0.0.0.0/0")]
    [InlineData("10.33.77.1/13", "10.32.0.0/13")]
    [InlineData("2001:db8:1:2::7/48", "2001:db8:1::/48")]
    [InlineData("::1/128", "::1/128")]
    public void An_interface_address_keeps_its_host_bits_and_knows_its_network(string text, string network)
    {
        var address = InterfaceAddress.Parse(text);

        Assert.Equal(text, address.ToString());
        Assert.Equal(IPNetwork.Parse(network), address.Network);
    }

    [Theory]
    [InlineData("no length", "10.0.0.1")]
    [InlineData("empty length", "10.0.0.1/")]
    [InlineData("too long", "10.0.0.1/33")]
    [InlineData("too long for IPv6", "::1/129")]
    [InlineData("a sign", "10.0.0.1/+8")]
    [InlineData("a leading zero in the length", "10.0.0.1/08")]
    [InlineData("a leading zero, which other programs read as octal", "10.0.0.010/24")]
    [InlineData("three parts", "10.0.1/24")]
    [InlineData("a plain number", "1/24")]
    [InlineData("hexadecimal", "0x0a.0.0.1/24")]
    [InlineData("a scope", "fe80::1%2/64")]
    [InlineData("brackets", "[::1]/64")]
    [InlineData("a space", " 10.0.0.1/24")]
    [InlineData("a second length", "10.0.0.1/24/24")]
    [InlineData("nothing", "")]
    public void What_is_no_interface_address_is_refused(string because, string text)
    {
        Assert.False(InterfaceAddress.TryParse(text, out _), because);
        Assert.Throws<FormatException>(() => InterfaceAddress.Parse(text));
    }

    [Fact]
    public void A_mac_reads_as_it_prints()
        => Prop.ForAll<ulong>(number =>
        {
            var bytes = BitConverter.GetBytes(number)[..6];
            var mac = new MacAddress(bytes);
            var copy = new byte[6];
            mac.CopyTo(copy);
            return MacAddress.Parse(mac.ToString()) == mac && copy.AsSpan().SequenceEqual(bytes);
        }).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("02:00:00:00:00")]
    [InlineData("02:00:00:00:00:0g")]
    [InlineData("0200:00:00:00:00:")]
    [InlineData("")]
    public void What_is_no_mac_is_refused(string text) => Assert.False(MacAddress.TryParse(text, null, out _));

    [Fact]
    public void A_random_mac_is_unicast_and_local()
    {
        for (var i = 0; i < 100; i++)
        {
            Assert.Contains(MacAddress.Random().ToString()[1], "26ae");
        }
    }

    [Fact]
    public void Nftables_values_print_as_nft_reads_them()
    {
        Assert.Equal("10.0.0.0/8", ((NftValue)IPNetwork.Parse("10.0.0.0/8")).ToString());
        Assert.Equal("::/0", ((NftValue)IPNetwork.Parse("::/0")).ToString());
        Assert.Equal("0.0.0.0/0", ((NftValue)IPNetwork.Parse("0.0.0.0/0")).ToString());
        Assert.Equal("10.0.0.1-10.0.0.3", NftValue.Range(IPAddress.Parse("10.0.0.1"), IPAddress.Parse("10.0.0.3")).ToString());
        Assert.Equal("\"eth0\"", ((NftValue)"eth0").ToString());
        Assert.Equal(IPAddress.Parse("10.0.0.1"), ((NftValue)IPAddress.Parse("10.0.0.1")).Address);
        Assert.Throws<ArgumentException>(() => (NftValue)"a-name-that-is-too-long");
        Assert.Throws<ArgumentException>(() => NftValue.Range(2, 1));
    }

    [Fact]
    public void A_value_of_another_type_is_refused_when_it_is_encoded()
    {
        var set = new NftSet("s", [NftType.InetService]);
        foreach (var wrong in (ValueArray<NftValue>[])[[IPAddress.Loopback], [70_000], [80, 81]])
        {
            Assert.Throws<ArgumentException>(() => NftablesSocket.Encode(new NftTransaction(NftFamily.Ip, "t").Add(new AddElements(set, new NftElement(wrong)))));
        }
    }

    [Fact]
    public void A_comment_can_neither_end_its_quotes_nor_its_line_nor_be_too_long()
    {
        var set = new NftSet("s", [NftType.InetService]);
        var element = new NftElement([80]) { Comment = "a\" } ; flush ruleset\n" + new string('ä', 200) };

        var text = new NftTransaction(NftFamily.Ip, "t").Add(new AddElements(set, element)).ToString();

        Assert.StartsWith("add element ip t s { 80 comment \"a' } ; flush ruleset ä", text, StringComparison.Ordinal);
        Assert.EndsWith("ä\" }\n", text, StringComparison.Ordinal);
        Assert.Equal(2, text.Count(c => c == '"'));
        Assert.Single(text, '\n');
    }
}
