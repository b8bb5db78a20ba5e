using System.Net;
using Fairlead.Core.Services;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Proxy.Nftables;
using Fairlead.Tests.Services;
using FsCheck;
using FsCheck.Fluent;
using static Fairlead.Tests.Services.Make;

namespace Fairlead.Tests.Proxy;

/// <summary>From what is to what should be, with the least changes.</summary>
public sealed class NftablesPlannerTests
{
    private readonly FrontendIndex _index = new(IPFamily.IPv4);
    private readonly NftablesImage _image = new();

    [Fact]
    public void One_endpoint_more_is_one_element_more_and_a_new_count()
    {
        Apply(Table([Service()], Slice("a", Endpoint("10.1.0.2"), Endpoint("10.1.0.3"))));

        var plan = Apply(Table([Service()], Slice("a", Endpoint("10.1.0.1"), Endpoint("10.1.0.2"), Endpoint("10.1.0.3"))));

        var (_, before, after) = Assert.Single(plan.Frontends);
        Assert.Equal(["10.1.0.2", "10.1.0.3"], before!.Slots.Select(s => s.Address.ToString()));
        Assert.Equal(["10.1.0.2", "10.1.0.3", "10.1.0.1"], after!.Slots.Select(s => s.Address.ToString()));
        Assert.Equal(["svc-3"], plan.NewChains.Select(c => c.ChainName));
        Assert.Equal([("svc-2", 0), ("svc-3", 1)], plan.Chains.Select(c => (c.Dispatch.ChainName, c.Users)));
    }

    [Fact]
    public void A_chain_that_falls_idle_goes_only_with_the_next_change()
    {
        var slice = Slice("a", Endpoint("10.1.0.2"), Endpoint("10.1.0.3"));
        Apply(Table([Service()], slice));

        Assert.Empty(Apply(Table([Service()], slice with { Endpoints = [Endpoint("10.1.0.2")] })).IdleChains);
        Assert.True(NftablesPlanner.Plan(_index, Touched.All(_index, _image), _image).IsEmpty);
        var plan = Apply(Table([Service()], slice with { Endpoints = [Endpoint("10.1.0.3")] }));

        Assert.Equal(["svc-2"], plan.IdleChains.Select(c => c.ChainName));
        Assert.Equal(["svc-1"], _image.Chains.Keys.Select(c => c.ChainName));
    }

    [Fact]
    public void An_endpoint_that_goes_is_replaced_in_its_place_by_the_last_one()
    {
        Apply(Table([Service()], Slice("a", Endpoint("10.1.0.1"), Endpoint("10.1.0.2"), Endpoint("10.1.0.3"), Endpoint("10.1.0.4"))));

        var plan = Apply(Table([Service()], Slice("a", Endpoint("10.1.0.1"), Endpoint("10.1.0.3"), Endpoint("10.1.0.4"))));

        Assert.Equal(["10.1.0.1", "10.1.0.4", "10.1.0.3"], Assert.Single(plan.Frontends).After!.Slots.Select(s => s.Address.ToString()));
    }

    [Fact]
    public void A_service_without_endpoints_keeps_its_address_to_be_rejected_there()
    {
        var plan = Apply(Table([Service(spec: s => s with { Type = "NodePort", Ports = [new ServicePort { Name = "http", Port = 80, NodePort = 30080 }] })]));

        Assert.Equal([IPAddress.Parse("10.96.0.10")], plan.AddedClusterAddresses);
        var (key, _, after) = Assert.Single(plan.Frontends);
        Assert.Equal((FrontendKind.NodePort, DispatchMode.Reject), (key.Kind, after!.Dispatch.Mode));
    }

    [Fact]
    public void Only_endpoints_of_this_node_can_meet_themselves()
    {
        var plan = Apply(Table([Service()], Slice("a", Endpoint("10.1.0.1", "here"), Endpoint("10.1.0.2", "there"))));

        Assert.Equal([IPAddress.Parse("10.1.0.1")], plan.AddedHairpins);
    }

    [Fact]
    public void Of_two_services_with_one_address_the_first_by_name_has_it_until_it_goes()
    {
        var (a, b) = (Service("a"), Service("b"));
        var (sliceA, sliceB) = (SliceOf("a", "a1", Endpoint("10.1.0.1")), SliceOf("b", "b1", Endpoint("10.1.0.2")));

        Apply(Table([b, a], sliceA, sliceB));
        Assert.Equal("shop/a:http", Assert.Single(_image.Frontends).Value.Owner);
        Apply(Table([b], sliceB));

        var (_, placement) = Assert.Single(_image.Frontends);
        Assert.Equal(("shop/b:http", "10.1.0.2"), (placement.Owner, placement.Slots[0].Address.ToString()));
    }

    [Fact]
    public void Planning_what_is_already_there_plans_nothing()
        => Prop.ForAll(Generators.Objects().ToArbitrary(), objects =>
        {
            var (index, image) = (new FrontendIndex(IPFamily.IPv4), new NftablesImage());
            Apply(index, image, Table(objects.Services, objects.Slices));
            return NftablesPlanner.Plan(index, Touched.All(index, image), image).IsEmpty;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_history_of_small_changes_ends_like_a_fresh_start()
        => Prop.ForAll(Generators.Histories().ToArbitrary(), history =>
        {
            var source = new ServiceTableSource(Here);
            var (index, image) = (new FrontendIndex(IPFamily.IPv4), new NftablesImage());
            foreach (var (services, slices) in history)
            {
                Apply(index, image, source.Update(Store.Of(services), Store.Of(slices)));
            }

            var (freshIndex, fresh) = (new FrontendIndex(IPFamily.IPv4), new NftablesImage());
            Apply(freshIndex, fresh, Table(history[^1].Services, history[^1].Slices));
            return Text(image) == Text(fresh);
        }).QuickCheckThrowOnFailure();

    private NftablesPlan Apply(ServiceTable table) => Apply(_index, _image, table);

    private static NftablesPlan Apply(FrontendIndex index, NftablesImage image, ServiceTable table)
    {
        var touched = new Touched();
        index.Update(table, touched);
        var plan = NftablesPlanner.Plan(index, touched, image);
        image.Apply(plan);
        return plan;
    }

    private static ServiceTable Table(IEnumerable<Service> services, params EndpointSlice[] slices) => ServiceTableCompiler.Compile(services, slices, Here);

    /// <summary>All that an image holds, but for the places of endpoints, which depend on history and mean nothing.</summary>
    private static string Text(NftablesImage image)
    {
        Assert.All(image.Frontends.Values, p => Assert.Equal(p.Dispatch.Count, p.Slots.Distinct().Count()));
        var lines = image.Frontends.Select(f => $"{f.Key} {f.Value.Dispatch} {f.Value.Owner} {string.Join(' ', f.Value.Slots.Select(s => s.ToString()).Order(StringComparer.Ordinal))}")
            .Concat(image.Chains.Where(c => c.Value > 0).Select(c => $"{c.Key.ChainName} {c.Value}"))
            .Concat(image.ClusterAddresses.Select(a => $"vip {a}"))
            .Concat(image.Hairpins.Select(a => $"hairpin {a}"));
        return string.Join('\n', lines.Order(StringComparer.Ordinal));
    }
}
