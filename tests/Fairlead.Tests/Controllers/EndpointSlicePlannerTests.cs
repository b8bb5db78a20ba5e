using FsCheck;
using FsCheck.Fluent;
using Fairlead.ApiServer.Controllers.Endpoints;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Tests.Fixtures;

namespace Fairlead.Tests.Controllers;

public sealed class EndpointSlicePlannerTests
{
    private static readonly Service s_service = Make.Service("web", new ServicePort { Name = "http", Port = 80, TargetPort = "http" });

    public static TheoryData<string, Pod, bool, (bool? Ready, bool? Serving, bool? Terminating)?> Conditions => new()
    {
        { "a ready pod is ready and serves", Make.Pod("p", "n1", ready: true), false, (true, true, false) },
        { "a pod that is not ready is listed as such", Make.Pod("p", "n1"), false, (false, false, false) },
        { "a terminating pod serves but is not ready", Make.Pod("p", "n1", ready: true).Terminating(), false, (false, true, true) },
        { "a terminating pod that fails its probe does neither", Make.Pod("p", "n1").Terminating(), false, (false, false, true) },
        { "who publishes unready addresses wants them all ready", Make.Pod("p", "n1").Terminating(), true, (true, false, true) },
        { "a pod without an address is no endpoint", Make.Pod("p"), false, null },
        { "a pod that has ended is no endpoint", Make.Pod("p", "n1") with { Status = Make.Pod("p", "n1").Status with { Phase = "Failed" } }, false, null },
    };

    [Theory, MemberData(nameof(Conditions))]
    public void Conditions_say_what_a_pod_can_do(string because, Pod pod, bool publish, (bool? Ready, bool? Serving, bool? Terminating)? expected)
    {
        var service = s_service with { Spec = s_service.Spec with { PublishNotReadyAddresses = publish } };

        var endpoints = Plan(service, [pod]).Create.SelectMany(s => s.Endpoints).ToList();

        Assert.Equal((because, expected), (because, endpoints.Select(e => ((bool?, bool?, bool?)?)(e.Conditions.Ready, e.Conditions.Serving, e.Conditions.Terminating)).FirstOrDefault()));
    }

    [Fact]
    public void A_slice_names_its_service_its_keeper_and_its_pods()
    {
        var node = Make.Node("n1", ("topology.kubernetes.io/zone", "east"));
        var pod = Make.Pod("p", "n1", ready: true);
        pod = pod with { Spec = pod.Spec with { Hostname = "p-0", Subdomain = "web" } };

        var slice = Assert.Single(EndpointSlicePlanner.Plan(s_service, [pod], _ => node, []).Create);

        Assert.Equal("web", slice.Metadata.Labels.Find("kubernetes.io/service-name"));
        Assert.Equal("endpointslice-controller.k8s.io", slice.Metadata.Labels.Find("endpointslice.kubernetes.io/managed-by"));
        Assert.Equal("2026-01-01T00:00:00Z", slice.Metadata.Annotations.Find("endpoints.kubernetes.io/last-change-trigger-time"));
        Assert.Equal([Make.Owner(s_service)], slice.Metadata.OwnerReferences);
        var endpoint = Assert.Single(slice.Endpoints);
        Assert.Equal(("n1", "east", "p-0", "p"), (endpoint.NodeName, endpoint.Zone, endpoint.Hostname, endpoint.TargetRef!.Name));
        Assert.Equal([new EndpointPort { Name = "http", Protocol = "TCP", Port = 8080 }], slice.Ports);
    }

    [Fact]
    public void Pods_whose_named_port_differs_are_in_slices_of_their_own()
    {
        var other = Make.Pod("q", "n1", ready: true);
        other = other with { Spec = other.Spec with { Containers = [new() { Name = "c", Ports = [new() { Name = "http", Port = 9090 }] }] } };

        var plan = Plan(s_service, [Make.Pod("p", "n1", ready: true), other]);

        Assert.Equal([8080, 9090], plan.Create.Select(s => s.Ports[0].Port!.Value).Order());
    }

    [Fact]
    public void A_service_without_pods_has_one_empty_slice()
    {
        var slice = Assert.Single(Plan(s_service, []).Create);

        Assert.Empty(slice.Endpoints);
        Assert.Equal("IPv4", slice.AddressType);
    }

    [Fact]
    public void Each_address_family_has_its_slices()
    {
        var service = s_service with { Spec = s_service.Spec with { IpFamilies = ["IPv4", "IPv6"] } };
        var pod = Make.Pod("p", "n1", ready: true);
        pod = pod with { Status = pod.Status with { PodIPs = [new() { Ip = "10.32.0.9" }, new() { Ip = "fd00::9" }] } };

        Assert.Equal(
            [("IPv4", "10.32.0.9"), ("IPv6", "fd00::9")], Plan(service, [pod]).Create.Select(s => (s.AddressType, s.Endpoints[0].Addresses[0])));
    }

    [Fact]
    public void No_slice_holds_more_than_a_hundred()
    {
        var plan = Plan(s_service, [.. Enumerable.Range(0, 250).Select(i => Make.Pod($"p{i}", "n1", ready: true))]);

        Assert.Equal([100, 100, 50], plan.Create.Select(s => s.Endpoints.Count));
    }

    [Fact]
    public void What_is_as_it_should_be_is_not_written()
    {
        Pod[] pods = [Make.Pod("p", "n1", ready: true)];
        var world = Apply([], Plan(s_service, pods));

        var again = Plan(s_service, pods, [.. world]);

        Assert.Empty(again.Create);
        Assert.Empty(again.Update);
        Assert.Empty(again.Delete);
    }

    [Fact]
    public void Slices_of_others_are_left_alone()
    {
        var foreign = new EndpointSlice { Metadata = new() { Name = "by-hand", Labels = EquatableMap.Of(("kubernetes.io/service-name", "web")) } };

        Assert.Empty(Plan(s_service, [], foreign).Delete);
    }

    [Fact]
    public void Whatever_happened_before_one_turn_gives_each_pod_its_one_endpoint()
        => Prop.ForAll(Gen.ListOf(Gen.SubListOf(Enumerable.Range(0, 130)), 4).ToArbitrary(), history =>
        {
            List<EndpointSlice> world = [];
            foreach (var step in history)
            {
                var pods = step.Select(i => Make.Pod($"p{i}", "n1", ready: i % 3 > 0)).ToArray();
                world = Apply(world, Plan(s_service, pods, [.. world]));
                var endpoints = world.SelectMany(s => s.Endpoints).ToList();
                if (!endpoints.Select(e => e.TargetRef!.Uid!).Order(StringComparer.Ordinal).SequenceEqual(pods.Select(p => p.Metadata.Uid).Order(StringComparer.Ordinal))
                    || world.Exists(s => s.Endpoints.Count > 100) || (pods.Length > 0 && world.Exists(s => s.Endpoints.IsEmpty)) || world.Count == 0)
                {
                    return false;
                }
            }

            return true;
        }).QuickCheckThrowOnFailure();

    private static EndpointSlicePlan Plan(Service service, Pod[] pods, params EndpointSlice[] slices) => EndpointSlicePlanner.Plan(service, pods, _ => null, slices);

    private static List<EndpointSlice> Apply(List<EndpointSlice> world, EndpointSlicePlan plan)
    {
        var next = world.Except(plan.Delete).Where(s => !plan.Update.Any(u => u.Metadata.Name == s.Metadata.Name)).Concat(plan.Update).ToList();
        var free = Enumerable.Range(0, 100).Select(i => $"web-{i}").Except(next.Select(s => s.Metadata.Name), StringComparer.Ordinal);
        next.AddRange(plan.Create.Zip(free, (s, name) => s with { Metadata = s.Metadata with { Name = name } }));
        return next;
    }
}
