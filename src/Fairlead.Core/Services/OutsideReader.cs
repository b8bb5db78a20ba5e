using System.Net;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Core.Services;

/// <summary>Reads where a Service is reached from outside the cluster, and by whom.</summary>
internal static class OutsideReader
{
    /// <summary>The addresses of one family, sorted: spec.externalIPs, as far as the node allows them, and status.loadBalancer.ingress with ipMode VIP.</summary>
    public static EquatableArray<OutsideAddress> Addresses(Service service, IPFamily family, NodeFacts node, SortedSet<ServiceDiagnostic> diagnostics)
    {
        var found = Parse(service.Spec.ExternalIPs, "InvalidExternalIP", "externalIPs", diagnostics)
            .Where(a => IsAllowed(a, node, diagnostics))
            .Select(a => new OutsideAddress(a, IsLoadBalancer: false));
        if (service.Spec.Type == "LoadBalancer")
        {
            found = LoadBalancers(service, diagnostics).Select(a => new OutsideAddress(a, IsLoadBalancer: true)).Concat(found);
        }

        return found
            .Where(a => a.Address.Family == family)
            .DistinctBy(a => a.Address)
            .OrderBy(a => a.Address.ToString(), StringComparer.Ordinal)
            .ToEquatableArray();
    }

    private static bool IsAllowed(IPAddress address, NodeFacts node, SortedSet<ServiceDiagnostic> diagnostics)
    {
        if (node.ExternalIPs.Any(r => r.Contains(address)))
        {
            return true;
        }

        diagnostics.Add(new("ExternalIPNotAllowed",
            $"externalIPs {address} is in none of the ranges that this node allows, so it is left out: whoever may write a Service could take any address; --service-external-ip-range allows it"));
        return false;
    }

    private static IEnumerable<IPAddress> LoadBalancers(Service service, SortedSet<ServiceDiagnostic> diagnostics)
    {
        // With ipMode Proxy packets arrive with another address, and those of the cluster must go by the balancer too (KEP-1860).
        var virtualOnes = (service.Status.LoadBalancer?.Ingress ?? []).Where(i => i.IpMode is null or "VIP").Select(i => i.Ip).OfType<string>().Where(i => i.Length > 0);
        return Parse(virtualOnes, "InvalidLoadBalancerIP", "status.loadBalancer.ingress", diagnostics);
    }

    private static IEnumerable<IPAddress> Parse(IEnumerable<string> texts, string reason, string field, SortedSet<ServiceDiagnostic> diagnostics)
    {
        foreach (var text in texts)
        {
            if (ServiceTableCompiler.TryParse(text) is { } address)
            {
                yield return address;
            }
            else
            {
                diagnostics.Add(new(reason, $"{field}: \"{text}\" is no IP address; it is left out"));
            }
        }
    }

    /// <summary>Who may use a load balancer's addresses of one family; empty for everybody (spec.loadBalancerSourceRanges).</summary>
    public static EquatableArray<IPNetwork> SourceRanges(ServiceSpec spec, IPFamily family, SortedSet<ServiceDiagnostic> diagnostics)
    {
        if (spec.Type != "LoadBalancer")
        {
            return default;
        }

        var ranges = new List<IPNetwork>();
        foreach (var text in spec.LoadBalancerSourceRanges)
        {
            // The API admits blanks around it.
            if (!TryParseRange(text.Trim(), out var range))
            {
                // To leave it out would let in more than was asked for only where it was the last one: nobody is the safe reading.
                diagnostics.Add(new("InvalidSourceRange", $"loadBalancerSourceRanges: \"{text}\" is no range such as 192.0.2.0/24; nobody of it is let in"));
                range = family == IPFamily.IPv4 ? new(IPAddress.Any, 32) : new(IPAddress.IPv6Any, 128);
            }

            if (range.BaseAddress.Family == family)
            {
                ranges.Add(range);
            }
        }

        // One that lies in another says nothing, and the kernel takes no two that overlap. All addresses are no restriction.
        var widest = ranges.Distinct().Where(r => !ranges.Exists(other => other.PrefixLength < r.PrefixLength && other.Contains(r.BaseAddress)));
        return ranges.Exists(r => r.PrefixLength == 0) ? default : widest.OrderBy(r => r.ToString(), StringComparer.Ordinal).ToEquatableArray();
    }

    /// <summary>Takes a range with bits beyond its length as the range that it is in, as the API did before 1.36.</summary>
    private static bool TryParseRange(string text, out IPNetwork range)
    {
        range = default;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || ServiceTableCompiler.TryParse(text[..slash]) is not { } address
            || !int.TryParse(text[(slash + 1)..], System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var length)
            || length > (address.Family == IPFamily.IPv4 ? 32 : 128))
        {
            return false;
        }

        var bytes = address.GetAddressBytes();
        for (var bit = length; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        range = new IPNetwork(new IPAddress(bytes), length);
        return true;
    }
}
