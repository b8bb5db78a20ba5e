using Fairlead.Core.Services;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Tests.Services;

/// <summary>Short ways to write Services and slices in a test.</summary>
internal static class Make
{
    public static readonly NodeFacts Here = new("here");

    public static Service Service(string name = "web", Func<ServiceSpec, ServiceSpec>? spec = null, params (string Label, string Value)[] labels)
    {
        var usual = new ServiceSpec { Type = "ClusterIP", ClusterIP = "10.96.0.10", Ports = [new ServicePort { Name = "http", Port = 80 }] };
        return new Service
        {
            Metadata = new() { Namespace = "shop", Name = name, Labels = EquatableMap.Of(labels) },
            Spec = spec is null ? usual : spec(usual),
        };
    }

    public static EndpointSlice Slice(string name, params Endpoint[] endpoints) => SliceOf("web", name, endpoints);

    public static EndpointSlice SliceOf(string service, string name, params Endpoint[] endpoints) => new()
    {
        Metadata = new() { Namespace = "shop", Name = name, Labels = EquatableMap.Of((ServiceTableCompiler.ServiceNameLabel, service)) },
        AddressType = "IPv4",
        Ports = [new EndpointPort { Name = "http", Port = 8080, Protocol = "TCP" }],
        Endpoints = endpoints.ToEquatableArray(),
    };

    public static Endpoint Endpoint(string address, string? node = "there", bool? ready = null, bool? serving = null, bool? terminating = null) => new()
    {
        Addresses = [address],
        NodeName = node,
        Conditions = new() { Ready = ready, Serving = serving, Terminating = terminating },
    };
}
