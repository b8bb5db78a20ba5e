using System.Net;
using Fairlead.Core.Services;
using Fairlead.KernelTests.Agent;
using Fairlead.KernelTests.Fixtures;
using Fairlead.Linux.Nftables;
using Fairlead.Proxy.Nftables;

namespace Fairlead.KernelTests.Proxy;

/// <summary>What we print for people, loaded by stock nft, is what we write to the kernel ourselves.</summary>
public sealed class NftablesTextKernelTests : IDisposable
{
    private readonly TestNamespaces _namespaces = new();

    public void Dispose() => _namespaces.Dispose();

    [Fact]
    public void Text_and_messages_mean_the_same()
    {
        Shell.Need("nft");
        var layout = new NftablesLayout(IPFamily.IPv4, ThreeNodes.ClusterCidr, ThreeNodes.ServiceCidr);
        var index = new FrontendIndex(IPFamily.IPv4);
        var touched = new Touched();
        index.Update(Table(), touched);
        var plan = NftablesPlanner.Plan(index, touched, new NftablesImage());
        var transaction = NftablesEncoding.Constant(layout, []).Add(plan, layout);
        var (ours, stock) = (_namespaces.New("ours"), _namespaces.New("stock"));

        using (var socket = NftablesSocket.Open(ours))
        {
            socket.Commit(transaction);
        }

        stock.Sh("nft -f -", transaction.ToString());

        Assert.Equal(stock.Sh("nft list ruleset"), ours.Sh("nft list ruleset"));
    }

    [Fact]
    public void What_was_written_is_read_back_as_it_was_meant()
    {
        var layout = new NftablesLayout(IPFamily.IPv4, ThreeNodes.ClusterCidr, ThreeNodes.ServiceCidr);
        var index = new FrontendIndex(IPFamily.IPv4);
        var touched = new Touched();
        index.Update(Table(), touched);
        var image = new NftablesImage();
        var plan = NftablesPlanner.Plan(index, touched, image);
        using var socket = NftablesSocket.Open(_namespaces.New());
        socket.Commit(NftablesEncoding.Constant(layout, []).Add(plan, layout));
        image.Apply(plan);

        var read = NftablesEncoding.Read(
            layout, socket.Chains(layout.Family, NftablesLayout.Table).Select(c => c.Name), set => socket.Elements(layout.Family, NftablesLayout.Table, set));

        Assert.True(NftablesPlanner.Plan(index, Touched.All(index, read), read).IsEmpty);
        Assert.Equal(image.Chains.OrderBy(c => c.Key.ChainName, StringComparer.Ordinal), read.Chains.OrderBy(c => c.Key.ChainName, StringComparer.Ordinal));
    }

    private static ServiceTable Table()
    {
        var name = new ServicePortName(new("shop", "web"), "http", Protocol.Tcp);
        var rule = new ServicePortRule
        {
            Name = name,
            Family = IPFamily.IPv4,
            ClusterAddress = IPAddress.Parse("10.96.0.10"),
            Port = 80,
            NodePort = 30080,
            ExternalPolicy = TrafficPolicy.Local,
            Backends = [new Backend(IPAddress.Parse("10.32.1.2"), 8080, true), new Backend(IPAddress.Parse("10.32.2.2"), 8080, false)],
            LocalBackends = [new Backend(IPAddress.Parse("10.32.1.2"), 8080, true)],
        };
        return ServiceTable.Of(
        [
            new(name.Service) { Ports = [rule] },
            new(new("shop", "sticky")) { Ports = [rule with { Name = name with { Service = new("shop", "sticky") }, ClusterAddress = IPAddress.Parse("10.96.0.11"), NodePort = 0, Affinity = TimeSpan.FromHours(3) }] },
            new(new("shop", "empty")) { Ports = [rule with { Name = name with { Service = new("shop", "empty") }, ClusterAddress = IPAddress.Parse("10.96.0.12"), NodePort = 30081, Backends = [], LocalBackends = [] }] },
            new(new("shop", "away")) { Ports = [rule with { Name = name with { Service = new("shop", "away") }, ClusterAddress = IPAddress.Parse("10.96.0.13"), NodePort = 30082, LocalBackends = [], InternalPolicy = TrafficPolicy.Local }] },
        ]);
    }
}
