using Fairlead.Kube.Objects;
using FsCheck;
using FsCheck.Fluent;

namespace Fairlead.Tests.Services;

/// <summary>Services and slices as a cluster might have them, some of them nonsense.</summary>
internal static class Generators
{
    private static readonly string[] s_names = ["a", "b", "c", "d"];

    public static Gen<(Service[] Services, EndpointSlice[] Slices)> Objects()
        => from services in Gen.SubListOf(s_names).SelectMany(names => Gen.CollectToArray(names, Service))
           from slices in Gen.SubListOf(["s1", "s2", "s3", "s4", "s5"]).SelectMany(names => Gen.CollectToArray(names, Slice))
           select (services, slices);

    public static Gen<(Service[] Services, EndpointSlice[] Slices)[]> Histories()
        => Gen.Choose(1, 6).SelectMany(length => Gen.ArrayOf(Objects(), length));

    private static Gen<Service> Service(string name)
        => from ip in Gen.Frequency((8, Gen.Choose(1, 5).Select(i => $"10.96.0.{i}")), (1, Gen.Constant("None")), (1, Gen.Constant("nonsense")))
           from type in Gen.Elements("ClusterIP", "NodePort", "ExternalName")
           from port in Gen.Elements(80, 81, 0)
           from nodePort in Gen.Elements(0, 30080, 30081)
           from policies in Gen.Elements(("Cluster", "Cluster"), ("Local", "Cluster"), ("Cluster", "Local"))
           from affinity in Gen.Elements("None", "ClientIP")
           select Make.Service(name, _ => new ServiceSpec
           {
               Type = type,
               ClusterIP = ip,
               InternalTrafficPolicy = policies.Item1,
               ExternalTrafficPolicy = policies.Item2,
               SessionAffinity = affinity,
               Ports = [new ServicePort { Name = "http", Port = port, NodePort = nodePort }, new ServicePort { Name = "udp", Port = 53, Protocol = "UDP" }],
           });

    private static Gen<EndpointSlice> Slice(string name)
        => from service in Gen.Elements(s_names)
           from endpoints in Gen.Choose(0, 5).SelectMany(count => Gen.ArrayOf(Endpoint(), count))
           from port in Gen.Elements(("http", "TCP", 8080), ("http", "TCP", 9090), ("udp", "UDP", 53))
           select Make.SliceOf(service, name, endpoints) with { Ports = [new EndpointPort { Name = port.Item1, Protocol = port.Item2, Port = port.Item3 }] };

    private static Gen<Endpoint> Endpoint()
        => from last in Gen.Choose(1, 9)
           from node in Gen.Elements("here", "there")
           from state in Gen.Elements(((bool?)true, (bool?)true, (bool?)false), (false, true, true), (false, false, true), (null, null, null))
           select Make.Endpoint($"10.1.0.{last}", node, state.Item1, state.Item2, state.Item3);
}
