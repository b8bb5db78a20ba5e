using Fairlead.Core.Services;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using FsCheck;
using FsCheck.Fluent;
using static Fairlead.Tests.Services.Make;

namespace Fairlead.Tests.Services;

/// <summary>The table that follows the stores: the same as one compiled afresh, at the cost of what changed.</summary>
public sealed class ServiceTableSourceTests
{
    private readonly ServiceTableSource _source = new(Here);

    [Fact]
    public void Nothing_is_known_until_both_kinds_have_been_listed()
    {
        Assert.False(_source.Update(Store.Of([Service()]), Store.Empty<EndpointSlice>()).IsKnown);
        Assert.False(_source.Update(Store.Empty<Service>(), Store.Of<EndpointSlice>()).IsKnown);

        Assert.True(_source.Update(Store.Of<Service>(), Store.Of<EndpointSlice>()).IsKnown);
    }

    [Fact]
    public void Rules_that_did_not_change_keep_their_object_and_the_table_tells_the_rest()
    {
        var (a, b) = (Service("a"), Service("b", s => s with { ClusterIP = "10.96.0.11" }));
        var slice = SliceOf("b", "b1", Endpoint("10.1.0.1"));
        var before = _source.Update(Store.Of([a, b]), Store.Of([slice]));

        var after = _source.Update(Store.Of([a, b]), Store.Of([slice with { Endpoints = [Endpoint("10.1.0.2")] }]));

        Assert.Same(before.Services[a.Key], after.Services[a.Key]);
        Assert.Equal([b.Key], after.ChangedSince(before));
        Assert.Equal([b.Key], ServiceTable.Of(after.Services.Values).ChangedSince(before));
    }

    [Fact]
    public void What_means_the_same_is_the_same_table()
    {
        var slice = Slice("a", Endpoint("10.1.0.1"), Endpoint("10.1.0.2"));
        var before = _source.Update(Store.Of([Service()]), Store.Of([slice]));

        var after = _source.Update(Store.Of([Service()]), Store.Of([slice with { Endpoints = [Endpoint("10.1.0.2"), Endpoint("10.1.0.1")] }]));

        Assert.Same(before, after);
    }

    [Fact]
    public void A_slice_that_changes_hands_changes_both_services()
    {
        var (a, b) = (Service("a"), Service("b", s => s with { ClusterIP = "10.96.0.11" }));
        var before = _source.Update(Store.Of([a, b]), Store.Of([SliceOf("a", "x", Endpoint("10.1.0.1"))]));

        var after = _source.Update(Store.Of([a, b]), Store.Of([SliceOf("b", "x", Endpoint("10.1.0.1"))]));

        Assert.Equal([a.Key, b.Key], after.ChangedSince(before).Order());
    }

    [Fact]
    public void Any_history_ends_where_a_fresh_start_from_its_last_objects_ends()
        => Prop.ForAll(Generators.Histories().ToArbitrary(), history =>
        {
            var source = new ServiceTableSource(Here);
            foreach (var (services, slices) in history)
            {
                source.Update(Store.Of(services), Store.Of(slices));
            }

            var fresh = ServiceTableCompiler.Compile(history[^1].Services, history[^1].Slices, Here);
            return source.Table.Services.OrderBy(s => s.Key).SequenceEqual(fresh.Services.OrderBy(s => s.Key));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void The_order_of_the_objects_does_not_matter()
        => Prop.ForAll(Generators.Objects().ToArbitrary(), objects =>
        {
            var one = ServiceTableCompiler.Compile(objects.Services, objects.Slices, Here);
            var other = ServiceTableCompiler.Compile(objects.Services.Reverse(), objects.Slices.Reverse(), Here);
            return one.Rules.SequenceEqual(other.Rules);
        }).QuickCheckThrowOnFailure();
}
