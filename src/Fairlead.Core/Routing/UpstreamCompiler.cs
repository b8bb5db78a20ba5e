using System.Globalization;
using System.Net;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Routing;

/// <summary>Finds the endpoints of one Service port.</summary>
internal static class UpstreamCompiler
{
    public static Upstream Compile(UpstreamKey key, Service? service, IEnumerable<EndpointSlice> slices)
    {
        if (service is null)
        {
            return Faulty(key, "ServiceNotFound", $"Service {key.Service} does not exist; requests get 503 until it does.");
        }

        if (string.Equals(service.Spec.Type, "ExternalName", StringComparison.Ordinal))
        {
            return Faulty(key, "ServiceNotSupported",
                $"Service {key.Service} is of type ExternalName, which is not implemented yet; requests get 503.");
        }

        if (FindPort(service, key.Port) is not { } port)
        {
            var ports = string.Join(", ",
                service.Spec.Ports.Select(p => p.Name.Length == 0 ? Number(p.Port) : $"{Number(p.Port)} ({p.Name})"));
            return Faulty(key, "ServicePortNotFound",
                $"Service {key.Service} has no port \"{key.Port}\"; it has: {(ports.Length == 0 ? "none" : ports)}. Requests get 503.");
        }

        return new Upstream(key, key.ByServiceAddress ? ServiceAddress(service, port) : Endpoints(port, slices), null);
    }

    private static ServicePort? FindPort(Service service, string wanted)
        => wanted.Length == 0
            ? service.Spec.Ports is [var first, ..] ? first : null
            : service.Spec.Ports.FirstOrDefault(p => string.Equals(p.Name, wanted, StringComparison.Ordinal)
                || string.Equals(Number(p.Port), wanted, StringComparison.Ordinal));

    /// <summary>Ready endpoints; failing those, endpoints that are terminating but still serve (KEP-1669).</summary>
    private static EquatableArray<UpstreamEndpoint> Endpoints(ServicePort port, IEnumerable<EndpointSlice> slices)
    {
        var ready = new HashSet<UpstreamEndpoint>();
        var serving = new HashSet<UpstreamEndpoint>();
        foreach (var slice in slices)
        {
            var number = slice.Ports.FirstOrDefault(p => string.Equals(p.Name ?? "", port.Name, StringComparison.Ordinal))?.Port;
            if (number is not > 0 || slice.AddressType is "FQDN")
            {
                continue;
            }

            foreach (var endpoint in slice.Endpoints)
            {
                var conditions = endpoint.Conditions;
                var set = conditions.Ready ?? true ? ready : conditions.Serving ?? false ? serving : null;

                // The API gives the addresses of one endpoint as alternatives; by its own word only the first is to be used.
                if (set is not null && endpoint.Addresses is [var text, ..] && IPAddress.TryParse(text, out var address))
                {
                    set.Add(new UpstreamEndpoint(address, number.Value));
                }
            }
        }

        return (ready.Count > 0 ? ready : serving).OrderBy(e => e.ToString(), StringComparer.Ordinal).ToEquatableArray();
    }

    private static EquatableArray<UpstreamEndpoint> ServiceAddress(Service service, ServicePort port)
        => IPAddress.TryParse(service.Spec.ClusterIP, out var address) ? [new UpstreamEndpoint(address, port.Port)] : [];

    private static Upstream Faulty(UpstreamKey key, string reason, string message) => new(key, [], new UpstreamFault(reason, message));

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
