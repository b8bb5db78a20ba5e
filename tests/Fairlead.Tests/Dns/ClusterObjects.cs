using Fairlead.Dns.Plugins.Kubernetes;
using Fairlead.Kube.Informers;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Tests.Dns;

/// <summary>A small cluster for the DNS tests, in few words.</summary>
internal static class ClusterObjects
{
    public static Namespace Ns(string name) => new() { Metadata = new() { Name = name } };

    public static Service ClusterIP(string ns, string name, string[] addresses, params (string Name, string Protocol, int Port)[] ports) => new()
    {
        Metadata = new() { Namespace = ns, Name = name },
        Spec = new()
        {
            Type = "ClusterIP",
            ClusterIP = addresses[0],
            ClusterIPs = [.. addresses],
            Ports = [.. ports.Select(p => new ServicePort { Name = p.Name, Protocol = p.Protocol, Port = p.Port })],
        },
    };

    public static Service Headless(string ns, string name, params (string Name, string Protocol, int Port)[] ports) => ClusterIP(ns, name, ["None"], ports);

    public static Service External(string ns, string name, string target) => new()
    {
        Metadata = new() { Namespace = ns, Name = name },
        Spec = new() { Type = "ExternalName", ExternalName = target },
    };

    public static EndpointSlice Slice(string ns, string service, string name, (string Name, string Protocol, int Port)[] ports, params Endpoint[] endpoints) => new()
    {
        Metadata = new() { Namespace = ns, Name = name, Labels = EquatableMap.Of((ZoneCompiler.ServiceNameLabel, service)) },
        AddressType = endpoints.Any(e => e.Addresses[0].Contains(':', StringComparison.Ordinal)) ? "IPv6" : "IPv4",
        Ports = [.. ports.Select(p => new EndpointPort { Name = p.Name, Protocol = p.Protocol, Port = p.Port })],
        Endpoints = [.. endpoints],
    };

    public static Endpoint At(string address, bool? ready = true, string? hostname = null, string? pod = null) => new()
    {
        Addresses = [address],
        Conditions = new() { Ready = ready },
        Hostname = hostname,
        TargetRef = pod is null ? null : new() { Name = pod },
    };

    public static Pod Pod(string ns, string name, string address, string phase = "Running") => new()
    {
        Metadata = new() { Namespace = ns, Name = name },
        Status = new() { Phase = phase, PodIP = address },
    };

    /// <summary>The cluster that the table of the specification is asked about.</summary>
    public static ClusterState Cluster() => new(
        Store.Of(
            ClusterIP("default", "kubernetes", ["10.96.0.1"], ("https", "TCP", 443)),
            ClusterIP("shop", "web", ["10.96.0.7", "fd00:96::7"], ("http", "TCP", 80), ("dns", "UDP", 53)),
            ClusterIP("shop", "unnamed", ["10.96.0.8"], ("", "TCP", 8080)),
            ClusterIP("shop", "empty", ["10.96.0.9"], ("http", "TCP", 80)),
            Headless("shop", "db", ("sql", "TCP", 5432)),
            Headless("shop", "db6", ("sql", "TCP", 5432)),
            Headless("shop", "portless"),
            Headless("shop", "nobody", ("sql", "TCP", 5432)),
            External("shop", "alias", "web.shop.svc.cluster.local"),
            External("shop", "outside", "up.example"),
            External("shop", "loop", "loop.shop.svc.cluster.local"),
            External("shop", "address", "192.0.2.1"),
            External("shop", "dangling", "nothing.shop.svc.cluster.local"),
            ClusterIP("hidden", "web", ["10.96.0.99"], ("http", "TCP", 80))),
        Store.Of(
            Slice("shop", "web", "web-1", [("http", "TCP", 8080)], At("10.32.0.5"), At("10.32.0.6", ready: false)),
            Slice("shop", "unnamed", "unnamed-1", [("", "TCP", 8080)], At("10.32.0.9", ready: null)),
            Slice("shop", "db", "db-1", [("sql", "TCP", 5432)], At("10.32.0.10", hostname: "db-0"), At("10.32.0.11", pod: "db-pod"), At("10.32.0.12", ready: false, hostname: "db-2")),
            Slice("shop", "db6", "db6-1", [("sql", "TCP", 5432)], At("fd00:32::10"), At("fd00:32::")),
            Slice("shop", "portless", "portless-1", [], At("10.32.0.20")),
            Slice("shop", "nobody", "nobody-1", [("sql", "TCP", 5432)], At("10.32.0.30", ready: false))),
        Store.Of(Ns("default"), Ns("shop"), Ns("bare")),
        Store.Of(Pod("shop", "one", "10.32.0.5"), Pod("shop", "done", "10.32.0.77", "Succeeded")));
}
