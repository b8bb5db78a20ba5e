using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zones;
using Fairlead.Kube.Objects;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>Turns a Service with its endpoints, or a pod, into the names and records it has. All of the cluster zone's meaning is here, and no I/O.</summary>
/// <remarks>
/// The rules are those of the Kubernetes DNS specification 1.1.0; what it leaves open (SRV at the service's own name, weights, names of
/// endpoints without hostname) is CoreDNS's way.
/// </remarks>
internal static class ZoneCompiler
{
    /// <summary>The label that ties an EndpointSlice to its Service.</summary>
    public const string ServiceNameLabel = "kubernetes.io/service-name";

    private const int RankClusterIP = 0;
    private const int RankEndpoint = 1;

    /// <summary>The names of one Service.</summary>
    public static ServiceZone Compile(Service service, IEnumerable<EndpointSlice> slices, ZoneSettings settings)
    {
        var names = ImmutableArray.CreateBuilder<KeyValuePair<DnsName, NameAnswers>>();
        var shared = ImmutableArray.CreateBuilder<SharedName>();
        var endpoints = settings.NoEndpoints ? [] : Endpoints(slices, settings);
        var external = service.Spec.Type is "ExternalName";
        var headless = !external && service.Spec.ClusterIP is "None";
        if (!external && !headless && settings.IgnoreEmptyServices && endpoints.IsEmpty)
        {
            return ServiceZone.Empty;
        }

        for (var i = 0; i < settings.Zones.Length; i++)
        {
            var labels = $"{service.Metadata.Name}.{service.Metadata.Namespace}.svc";
            if (!settings.Zones[i].TryPrepend(labels, out var name))
            {
                continue;
            }

            var zone = new OneZone(name, settings.Ttl, names);
            if (external)
            {
                zone.AddExternal(service.Spec.ExternalName);
                continue;
            }

            var addresses = headless ? [] : ClusterIPs(service);
            if (headless)
            {
                zone.AddTargets(name, endpoints);
            }
            else
            {
                ImmutableArray<Backend> self = [new Backend("", addresses, Ports(service))];
                zone.AddTargets(name, self);
            }

            zone.AddEndpoints(endpoints);

            // PTR records point into the first zone only: an address has one name.
            if (i == 0)
            {
                shared.AddRange(addresses.Select(a => Pointer(a, RankClusterIP, name, settings.Ttl)));
                shared.AddRange(
                    from endpoint in endpoints
                    from address in endpoint.Addresses
                    where name.TryPrepend(endpoint.Label, out _)
                    select Pointer(address, RankEndpoint, name.Prepend(endpoint.Label), settings.Ttl));
            }
        }

        return new ServiceZone(names.DrainToImmutable(), [.. shared.Distinct()]);
    }

    /// <summary>The names of one pod's addresses, where pods are verified.</summary>
    public static ServiceZone Compile(Pod pod, ZoneSettings settings)
    {
        if (pod.Status.Phase is "Succeeded" or "Failed" || pod.Metadata.DeletionTimestamp is not null)
        {
            return ServiceZone.Empty;
        }

        var addresses = pod.Status.PodIPs.Select(p => p.Ip).Append(pod.Status.PodIP).Where(ip => ip.Length > 0).Distinct(StringComparer.Ordinal);
        var shared = ImmutableArray.CreateBuilder<SharedName>();
        foreach (var text in addresses)
        {
            foreach (var zone in settings.Zones)
            {
                if (IPAddress.TryParse(text, out var address) && zone.TryPrepend($"{Dashed(address)}.{pod.Metadata.Namespace}.pod", out var name))
                {
                    shared.Add(new SharedName(name, 0, Record.ForAddress(name, settings.Ttl, address)));
                }
            }
        }

        return new ServiceZone([], shared.DrainToImmutable());
    }

    /// <summary>An address as a label: <c>10-32-0-5</c>, <c>fd00--5</c>. A label may not end in a dash, so <c>fd00::</c> is <c>fd00--0</c>.</summary>
    public static string Dashed(IPAddress address)
    {
        var text = address.ToString().Replace('.', '-').Replace(':', '-');
        return text.EndsWith('-') ? text + "0" : text;
    }

    /// <summary>The address a dashed label stands for.</summary>
    public static IPAddress? Undashed(string label)
    {
        var v4 = label.Count(c => c == '-') == 3 && !label.Contains("--", StringComparison.Ordinal);
        return IPAddress.TryParse(label.Replace('-', v4 ? '.' : ':'), out var address) && (v4 || address.AddressFamily == AddressFamily.InterNetworkV6)
            ? address
            : null;
    }

    private static SharedName Pointer(IPAddress address, int rank, DnsName target, uint ttl)
    {
        var name = DnsName.Reverse(address);
        return new SharedName(name, rank, Record.ForName(name, ttl, RecordType.PTR, target));
    }

    private static ImmutableArray<IPAddress> ClusterIPs(Service service)
    {
        var texts = service.Spec.ClusterIPs.IsEmpty ? [service.Spec.ClusterIP] : service.Spec.ClusterIPs.AsImmutableArray();
        return [.. texts.Select(text => IPAddress.TryParse(text, out var address) ? address : null).OfType<IPAddress>()];
    }

    private static ImmutableArray<Port> Ports(Service service)
        => [.. service.Spec.Ports.Select(port => new Port(port.Name, (port.Protocol ?? "TCP").ToLowerInvariant(), (ushort)port.Port))];

    /// <summary>The endpoints that are ready (no word counts as ready), each under its name, in the slices' own order.</summary>
    private static ImmutableArray<Backend> Endpoints(IEnumerable<EndpointSlice> slices, ZoneSettings settings)
    {
        var backends = ImmutableArray.CreateBuilder<Backend>();
        foreach (var slice in slices.OrderBy(s => s.Metadata.Name, StringComparer.Ordinal))
        {
            ImmutableArray<Port> ports =
                [.. slice.Ports.Select(port => new Port(port.Name ?? "", (port.Protocol ?? "TCP").ToLowerInvariant(), (ushort)(port.Port ?? 0)))];
            foreach (var endpoint in slice.Endpoints)
            {
                if (endpoint.Conditions.Ready is false)
                {
                    continue;
                }

                foreach (var text in endpoint.Addresses)
                {
                    if (IPAddress.TryParse(text, out var address))
                    {
                        backends.Add(new Backend(Label(endpoint, address, settings), [address], ports));
                    }
                }
            }
        }

        return backends.DrainToImmutable();
    }

    /// <summary>An endpoint's label: its hostname, else (when asked for) its pod's name, else its address with dashes.</summary>
    private static string Label(Endpoint endpoint, IPAddress address, ZoneSettings settings)
    {
        if (!string.IsNullOrEmpty(endpoint.Hostname))
        {
            return endpoint.Hostname;
        }

        return settings.EndpointPodNames && endpoint.TargetRef?.Name is { Length: > 0 and <= WireName.MaxLabel } pod ? pod : Dashed(address);
    }

    private readonly record struct Port(string Name, string Protocol, ushort Number);

    /// <summary>Something that serves: an endpoint under its label, or the Service itself under none.</summary>
    private sealed record Backend(string Label, ImmutableArray<IPAddress> Addresses, ImmutableArray<Port> Ports);

    /// <summary>One Service's names in one zone, under construction.</summary>
    private sealed class OneZone(DnsName service, uint ttl, ImmutableArray<KeyValuePair<DnsName, NameAnswers>>.Builder names)
    {
        public void AddExternal(string? target)
        {
            // An address is no name; CoreDNS then has no record either.
            if (DnsName.TryParse(target, out var alias) && !IPAddress.TryParse(target, out _))
            {
                names.Add(new(service, new NameAnswers([Record.ForName(service, ttl, RecordType.CNAME, alias)])));
            }
        }

        /// <summary>The Service's own name, and one for each named port.</summary>
        public void AddTargets(DnsName name, ImmutableArray<Backend> backends)
        {
            if (backends.All(b => b.Addresses.IsEmpty))
            {
                return;
            }

            Add(name, backends, null);
            var named = backends.SelectMany(b => b.Ports).Where(p => p.Name.Length > 0).Select(p => (p.Name, p.Protocol)).Distinct();
            foreach (var (portName, protocol) in named)
            {
                if (name.TryPrepend($"_{portName}._{protocol}", out var portOwner))
                {
                    Add(portOwner, backends, port => port.Name == portName && port.Protocol == protocol);
                }
            }
        }

        /// <summary>Every endpoint's name. They resolve under Services with an address too, as in CoreDNS.</summary>
        public void AddEndpoints(ImmutableArray<Backend> endpoints)
        {
            foreach (var group in endpoints.GroupBy(e => e.Label, StringComparer.OrdinalIgnoreCase))
            {
                if (service.TryPrepend(group.Key, out var name))
                {
                    Add(name, [.. group], null);
                }
            }
        }

        /// <param name="only">Which ports count; null for all, and then what has no port counts too.</param>
        private void Add(DnsName owner, ImmutableArray<Backend> backends, Func<Port, bool>? only)
        {
            var wanted = only ?? (static _ => true);
            var matching = backends.Where(b => only is null || b.Ports.Any(wanted)).ToArray();
            var addresses = matching.SelectMany(b => b.Addresses).Distinct().Select(a => Record.ForAddress(owner, ttl, a));
            var offers = matching.SelectMany(b => b.Addresses.SelectMany(a => b.Ports.Where(wanted).Select(p => (Target(b), Address: a, p.Number)))).ToArray();

            // All offers weigh the same; CoreDNS counts them before it drops the repeated ones.
            var weight = (ushort)Math.Max(1, offers.Length == 0 ? 1 : 100 / offers.Length);
            var srv = offers.Select(o => (o.Item1, o.Number)).Distinct().Select(o => Record.ForSrv(owner, ttl, 0, weight, o.Number, o.Item1));
            var targets = offers.Select(o => (o.Item1, o.Address)).Distinct().Select(o => Record.ForAddress(o.Item1, ttl, o.Address));
            names.Add(new(owner, new NameAnswers([.. addresses, .. srv], [.. targets])));
        }

        private DnsName Target(Backend backend)
            => backend.Label.Length == 0 || !service.TryPrepend(backend.Label, out var name) ? service : name;
    }
}
