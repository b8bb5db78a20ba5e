using System.Globalization;
using System.Net;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Services;

/// <summary>Turns API objects into a <see cref="ServiceTable"/>. All service semantics are here, and no I/O.</summary>
/// <remarks>Total: an object that makes no sense becomes a diagnostic in the result, and the rest of it still counts.</remarks>
public static class ServiceTableCompiler
{
    /// <summary>A Service with this label is another proxy's work.</summary>
    public const string ProxyNameLabel = "service.kubernetes.io/service-proxy-name";

    /// <summary>A slice or Service with this label is not for proxies.</summary>
    public const string HeadlessLabel = "service.kubernetes.io/headless";

    /// <summary>Which Service a slice belongs to.</summary>
    public const string ServiceNameLabel = "kubernetes.io/service-name";

    /// <summary>When the change that a slice carries happened in the cluster.</summary>
    public const string TriggerTimeAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

    /// <summary>Kubernetes' default of <c>sessionAffinityConfig.clientIP.timeoutSeconds</c>: three hours.</summary>
    private const int DefaultAffinitySeconds = 10800;

    private const int MaxAffinitySeconds = 86400;

    /// <summary>The whole table from the whole of the objects.</summary>
    public static ServiceTable Compile(IEnumerable<Service> services, IEnumerable<EndpointSlice> slices, NodeFacts node)
    {
        var byService = slices.ToLookup(ServiceOf);
        return ServiceTable.Of(services.Select(s => Compile(s, byService[s.Key], node)).OfType<ServiceRules>());
    }

    /// <summary>What one Service means; null where a proxy has nothing to do with it.</summary>
    /// <param name="slices">The slices of this Service, in any order.</param>
    public static ServiceRules? Compile(Service service, IEnumerable<EndpointSlice> slices, NodeFacts node)
    {
        if (!IsForUs(service))
        {
            return null;
        }

        var key = service.Key;
        var diagnostics = new SortedSet<ServiceDiagnostic>(Comparer<ServiceDiagnostic>.Create(
            (a, b) => string.CompareOrdinal($"{a.Reason} {a.Message}", $"{b.Reason} {b.Message}")));
        var rules = new List<ServicePortRule>();
        var ordered = slices.Where(s => !s.Metadata.Labels.ContainsKey(HeadlessLabel)).OrderBy(s => s.Metadata.Name, StringComparer.Ordinal).ToList();
        var seen = new HashSet<(int Port, Protocol Protocol)>();
        foreach (var port in service.Spec.Ports)
        {
            if (ProtocolOf(port.Protocol) is not { } protocol)
            {
                diagnostics.Add(new("UnknownProtocol", $"port {port.Port}: protocol {port.Protocol} is not TCP, UDP or SCTP; the port is left out"));
            }
            else if (!IsPort(port.Port))
            {
                diagnostics.Add(new("InvalidPort", $"port {port.Port} is not between 1 and 65535; it is left out"));
            }
            else if (!seen.Add((port.Port, protocol)))
            {
                diagnostics.Add(new("PortClaimedTwice", $"port {port.Port}/{protocol} stands there twice; the first one counts"));
            }
            else
            {
                var name = new ServicePortName(key, port.Name, protocol);
                foreach (var address in ClusterAddresses(service, diagnostics))
                {
                    rules.Add(Rule(service, port, name, address, ordered, node, diagnostics));
                }
            }
        }

        return new ServiceRules(key)
        {
            Ports = rules.ToEquatableArray(),
            HealthCheckNodePort = HealthCheck(service, diagnostics),
            LocalReady = EndpointChoice.LocalReady(ordered, node),
            Diagnostics = diagnostics.ToEquatableArray(),
            Triggered = Triggered(ordered),
        };
    }

    /// <summary>The Service that a slice belongs to; an empty name where it says none.</summary>
    public static ObjectKey ServiceOf(EndpointSlice slice)
        => new(slice.Metadata.Namespace, slice.Metadata.Labels.Find(ServiceNameLabel) ?? "");

    /// <summary>Whether a Service has a virtual address that this proxy looks after.</summary>
    private static bool IsForUs(Service service)
        => service.Spec.Type != "ExternalName"
            && service.Spec.ClusterIP is not ("" or "None")
            && !service.Metadata.Labels.ContainsKey(ProxyNameLabel)
            && !service.Metadata.Labels.ContainsKey(HeadlessLabel);

    private static ServicePortRule Rule(
        Service service, ServicePort port, ServicePortName name, IPAddress address, List<EndpointSlice> slices, NodeFacts node, SortedSet<ServiceDiagnostic> diagnostics)
    {
        var spec = service.Spec;
        var outside = OutsideReader.Addresses(service, address.Family, node, diagnostics);
        var nodePort = spec.Type is "NodePort" or "LoadBalancer" && IsPort(port.NodePort) ? (ushort)port.NodePort : (ushort)0;
        var isOutside = nodePort != 0 || !outside.IsEmpty;
        var internalPolicy = spec.InternalTrafficPolicy == "Local" ? TrafficPolicy.Local : TrafficPolicy.Cluster;
        var externalPolicy = isOutside && spec.ExternalTrafficPolicy == "Local" ? TrafficPolicy.Local : TrafficPolicy.Cluster;
        var candidates = Candidates(port.Name, name.Protocol, address.Family, slices, node, diagnostics);
        return new ServicePortRule
        {
            Name = name,
            Family = address.Family,
            ClusterAddress = address,
            Port = (ushort)port.Port,
            NodePort = nodePort,
            OutsideAddresses = outside,
            SourceRanges = OutsideReader.SourceRanges(spec, address.Family, diagnostics),
            InternalPolicy = internalPolicy,
            ExternalPolicy = externalPolicy,
            Affinity = Affinity(spec, diagnostics),
            Backends = EndpointChoice.Cluster(candidates, node),
            LocalBackends = internalPolicy == TrafficPolicy.Local || externalPolicy == TrafficPolicy.Local ? EndpointChoice.Local(candidates) : default,
        };
    }

    private static IEnumerable<IPAddress> ClusterAddresses(Service service, SortedSet<ServiceDiagnostic> diagnostics)
    {
        var texts = service.Spec.ClusterIPs.IsEmpty ? [service.Spec.ClusterIP] : service.Spec.ClusterIPs.AsImmutableArray();
        foreach (var text in texts)
        {
            if (TryParse(text) is { } address)
            {
                yield return address;
            }
            else
            {
                diagnostics.Add(new("InvalidClusterIP", $"\"{text}\" is no IP address; the Service is not reachable there"));
            }
        }
    }

    /// <summary>Every endpoint with the port of that name, usable or not.</summary>
    private static List<EndpointCandidate> Candidates(
        string portName, Protocol protocol, IPFamily family, List<EndpointSlice> slices, NodeFacts node, SortedSet<ServiceDiagnostic> diagnostics)
    {
        var found = new List<EndpointCandidate>();
        foreach (var slice in slices)
        {
            if (FamilyOf(slice.AddressType) is not { } sliceFamily)
            {
                diagnostics.Add(new("UnusableEndpointSlice",
                    $"EndpointSlice {slice.Metadata.Name} has addressType {slice.AddressType}; only IPv4 and IPv6 can be a Service's endpoints"));
                continue;
            }

            if (sliceFamily != family)
            {
                continue;
            }

            foreach (var port in slice.Ports)
            {
                if (!string.Equals(port.Name ?? "", portName, StringComparison.Ordinal) || ProtocolOf(port.Protocol) != protocol || port.Port is not { } number)
                {
                    continue;
                }

                if (!IsPort(number))
                {
                    diagnostics.Add(new("InvalidEndpointPort", $"EndpointSlice {slice.Metadata.Name}: port {number} is not between 1 and 65535; it is left out"));
                    continue;
                }

                foreach (var endpoint in slice.Endpoints)
                {
                    Add(found, endpoint, (ushort)number, slice, family, node, diagnostics);
                }
            }
        }

        return found;
    }

    private static void Add(
        List<EndpointCandidate> found, Endpoint endpoint, ushort port, EndpointSlice slice, IPFamily family, NodeFacts node, SortedSet<ServiceDiagnostic> diagnostics)
    {
        // Addresses of one endpoint are the same backend (EndpointSlice API): proxies use the first.
        if (endpoint.Addresses.IsEmpty)
        {
            return;
        }

        var text = endpoint.Addresses[0];
        if (TryParse(text) is not { } address || address.Family != family)
        {
            diagnostics.Add(new("InvalidEndpointAddress",
                string.Create(CultureInfo.InvariantCulture, $"EndpointSlice {slice.Metadata.Name}: \"{text}\" is no {family} address; the endpoint is left out")));
            return;
        }

        // Null reads as ready; serving as ready; terminating as false (EndpointConditions API).
        var ready = endpoint.Conditions.Ready ?? true;
        var serving = endpoint.Conditions.Serving ?? ready;
        var terminating = endpoint.Conditions.Terminating ?? false;
        var isLocal = endpoint.NodeName is not null && string.Equals(endpoint.NodeName, node.Name, StringComparison.Ordinal);
        found.Add(new(new Backend(address, port, isLocal), ready, serving && terminating)
        {
            Zones = endpoint.Hints?.ForZones ?? [],
            Nodes = endpoint.Hints?.ForNodes ?? [],
        });
    }

    private static TimeSpan? Affinity(ServiceSpec spec, SortedSet<ServiceDiagnostic> diagnostics)
    {
        if (spec.SessionAffinity != "ClientIP")
        {
            return null;
        }

        var seconds = spec.SessionAffinityConfig?.ClientIP?.TimeoutSeconds ?? DefaultAffinitySeconds;
        if (seconds is < 1 or > MaxAffinitySeconds)
        {
            diagnostics.Add(new("InvalidAffinityTimeout",
                $"sessionAffinityConfig.clientIP.timeoutSeconds {seconds} is not between 1 and {MaxAffinitySeconds}; {DefaultAffinitySeconds} is used"));
            seconds = DefaultAffinitySeconds;
        }

        return TimeSpan.FromSeconds(seconds);
    }

    private static ushort HealthCheck(Service service, SortedSet<ServiceDiagnostic> diagnostics)
    {
        if (service.Spec is not { Type: "LoadBalancer", ExternalTrafficPolicy: "Local" })
        {
            return 0;
        }

        if (IsPort(service.Spec.HealthCheckNodePort))
        {
            return (ushort)service.Spec.HealthCheckNodePort;
        }

        diagnostics.Add(new("NoHealthCheckNodePort", "externalTrafficPolicy is Local and healthCheckNodePort is not given: load balancers cannot tell which nodes have endpoints"));
        return 0;
    }

    private static DateTimeOffset? Triggered(List<EndpointSlice> slices)
    {
        DateTimeOffset? newest = null;
        foreach (var slice in slices)
        {
            if (slice.Metadata.Annotations.TryGetValue(TriggerTimeAnnotation, out var text)
                && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out var time)
                && (newest is null || time > newest))
            {
                newest = time;
            }
        }

        return newest;
    }

    private static bool IsPort(int port) => port is >= 1 and <= 65535;

    private static Protocol? ProtocolOf(string? name) => name switch
    {
        null or "" or "TCP" => Protocol.Tcp,
        "UDP" => Protocol.Udp,
        "SCTP" => Protocol.Sctp,
        _ => null,
    };

    private static IPFamily? FamilyOf(string addressType) => addressType switch
    {
        "IPv4" => IPFamily.IPv4,
        "IPv6" => IPFamily.IPv6,
        _ => null,
    };

    /// <summary>An address in its usual form: <c>10.1</c> and <c>010.1.1.1</c>, which the BCL takes, are none in the API.</summary>
    internal static IPAddress? TryParse(string text)
        => IPAddress.TryParse(text, out var address) && (address.Family == IPFamily.IPv6 || address.ToString() == text) ? address : null;
}
