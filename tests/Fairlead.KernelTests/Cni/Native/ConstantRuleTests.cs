using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Nftables;

namespace Fairlead.KernelTests.Cni.Native;

/// <summary>Rules that are the same for every container: the first ADD makes them, the next ones leave them alone, and heal them.</summary>
public sealed class ConstantRuleTests : IDisposable
{
    private readonly CniNode _node = new();
    private readonly NativePlugins _plugins;
    private readonly CancellationToken _ct = TestContext.Current.CancellationToken;

    public ConstantRuleTests() => _plugins = new NativePlugins(_node);

    public void Dispose() => _node.Dispose();

    [Fact]
    public async Task An_ADD_and_a_DEL_put_no_rule_in_the_place_of_an_equal_one()
    {
        var (first, second) = (_node.NewPod().Network, _node.NewPod().Network);
        _ = await _plugins.AddAsync(ChainOf(20_001), "first", first, _ct);
        var before = Rules();

        var result = await _plugins.AddAsync(ChainOf(20_002), "second", second, _ct);
        await _plugins.DelAsync(ChainOf(20_002), "second", second, result, _ct);

        Assert.Equal(before, Rules());
        Assert.Contains(before, rule => rule.Contains("masquerade", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("flush chain ip fairlead-cni-masquerade postrouting")]
    [InlineData("flush chain ip fairlead-cni-hostports prerouting")]
    [InlineData("add rule ip fairlead-cni-hostports host-ports drop")]
    [InlineData("insert rule inet fairlead-cni-firewall forward counter drop")]
    [InlineData("flush ruleset")]
    public async Task An_ADD_heals_what_somebody_has_changed(string change)
    {
        _ = await _plugins.AddAsync(ChainOf(20_001), "first", _node.NewPod().Network, _ct);
        var before = Rules().Select(Text).ToList();
        _node.Network.Sh($"nft '{change}'");
        Assert.NotEqual(before, Rules().Select(Text));

        _ = await _plugins.AddAsync(ChainOf(20_002), "second", _node.NewPod().Network, _ct);

        Assert.Equal(before, Rules().Select(Text));

        static string Text(string rule) => rule[(rule.IndexOf(' ', StringComparison.Ordinal) + 1)..];
    }

    private System.Text.Json.Nodes.JsonObject[] ChainOf(int port) => Chains.Full(_node.DataFolder, "10.32.0.0/24", port);

    /// <summary>Every rule with its number, which is another one for a rule that was made anew.</summary>
    private List<string> Rules()
    {
        using var nftables = NftablesSocket.Open(_node.Network);
        return [.. nftables.Ruleset().Tables.SelectMany(t => t.Rules.Items.Select(r => $"{r.Handle} {t.Entry.Family} {t.Entry.Name} {r.Chain} {r.Text}"))];
    }
}
