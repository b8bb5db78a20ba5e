using System.Net;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Admission.Kinds;

/// <summary>Ingresses, IngressClasses, NetworkPolicies, EndpointSlices.</summary>
internal static class NetworkingRules
{
    public static readonly KindRules Ingress = new() { Validate = ValidateIngress };

    public static readonly KindRules IngressClass = new()
    {
        Validate = (o, errors) =>
        {
            if (o.Text("spec", "controller").Length == 0)
            {
                errors.Required("spec.controller");
            }
        },
        ValidateUpdate = (next, old, errors) => MetadataRules.Immutable(next, old, "spec.controller", errors),
    };

    public static readonly KindRules NetworkPolicy = new() { Default = DefaultPolicy, Validate = ValidatePolicy };

    public static readonly KindRules EndpointSlice = new()
    {
        Validate = ValidateSlice,
        ValidateUpdate = (next, old, errors) => MetadataRules.Immutable(next, old, "addressType", errors),
    };

    private static void ValidateIngress(JsonObject ingress, FieldErrors errors)
    {
        var spec = ingress.At("spec");
        if (!spec.Items("rules").Any() && spec.At("defaultBackend") is null)
        {
            errors.Invalid("spec", spec, "either `defaultBackend` or `rules` must be specified");
        }

        if (spec.At("defaultBackend") is { } backend)
        {
            CheckBackend(backend, "spec.defaultBackend", errors);
        }

        if (spec.Text("ingressClassName") is { Length: > 0 } name)
        {
            foreach (var wrong in NameRules.Subdomain(name))
            {
                errors.Invalid("spec.ingressClassName", name, wrong);
            }
        }

        var index = 0;
        foreach (var rule in spec.Items("rules"))
        {
            CheckRule(rule, $"spec.rules[{index++}]", errors);
        }

        CheckTls(spec, errors);
    }

    private static void CheckTls(JsonNode? spec, FieldErrors errors)
    {
        var index = 0;
        foreach (var tls in spec.Items("tls"))
        {
            var at = $"spec.tls[{index++}]";
            var host = 0;
            foreach (var name in tls.Items("hosts").Select(h => h.Text()))
            {
                CheckHost(name, $"{at}.hosts[{host++}]", errors);
            }

            if (tls.Text("secretName") is { Length: > 0 } secret)
            {
                foreach (var wrong in NameRules.Subdomain(secret))
                {
                    errors.Invalid($"{at}.secretName", secret, wrong);
                }
            }
        }
    }

    private static void CheckHost(string host, string at, FieldErrors errors)
    {
        if (IPAddress.TryParse(host, out _) && host.Contains('.', StringComparison.Ordinal))
        {
            errors.Invalid(at, host, "must be a DNS name, not an IP address");
            return;
        }

        foreach (var wrong in host.Contains('*', StringComparison.Ordinal) ? NameRules.WildcardSubdomain(host) : NameRules.Subdomain(host))
        {
            errors.Invalid(at, host, wrong);
        }
    }

    private static void CheckRule(JsonNode? rule, string at, FieldErrors errors)
    {
        if (rule.Text("host") is { Length: > 0 } host)
        {
            CheckHost(host, $"{at}.host", errors);
        }

        var index = 0;
        foreach (var path in rule.Items("http", "paths"))
        {
            CheckPath(path, $"{at}.http.paths[{index++}]", errors);
        }
    }

    private static void CheckPath(JsonNode? path, string at, FieldErrors errors)
    {
        var value = path.Text("path");
        if (path.Text("pathType") is "Exact" or "Prefix")
        {
            if (!value.StartsWith('/'))
            {
                errors.Invalid($"{at}.path", value, "must be an absolute path");
            }
            else
            {
                foreach (var bad in (ReadOnlySpan<string>)["//", "/./", "/../", "%2f", "%2F"])
                {
                    if (value.Contains(bad, StringComparison.Ordinal))
                    {
                        errors.Invalid($"{at}.path", value, $"must not contain '{bad}'");
                    }
                }

                foreach (var bad in (ReadOnlySpan<string>)["/..", "/."])
                {
                    if (value.EndsWith(bad, StringComparison.Ordinal))
                    {
                        errors.Invalid($"{at}.path", value, $"cannot end with '{bad}'");
                    }
                }
            }
        }
        else if (value.Length > 0 && !value.StartsWith('/'))
        {
            errors.Invalid($"{at}.path", value, "must be an absolute path");
        }

        CheckBackend(path.At("backend"), $"{at}.backend", errors);
    }

    private static void CheckBackend(JsonNode? backend, string at, FieldErrors errors)
    {
        var (service, resource) = (backend.At("service"), backend.At("resource"));
        if (service is not null && resource is not null)
        {
            errors.Invalid(at, "", "cannot set both resource and service backends");
        }
        else if (service is null && resource is null)
        {
            errors.Required(at);
        }
        else if (service is not null)
        {
            var (name, number) = (service.Text("port", "name"), service.Number("port", "number") ?? 0);
            if (service.Text("name").Length > 0 && name.Length == 0 && number == 0)
            {
                errors.Required(at, "port name or number is required");
            }
            else if (name.Length > 0 && number != 0)
            {
                errors.Invalid(at, "", "cannot set both port name & port number");
            }
            else if (name.Length > 0)
            {
                foreach (var wrong in NameRules.PortName(name))
                {
                    errors.Invalid($"{at}.service.port.name", name, wrong);
                }
            }
        }
    }

    private static void DefaultPolicy(JsonObject policy)
    {
        var spec = policy.Child("spec");
        if (spec["policyTypes"] is null)
        {
            spec["policyTypes"] = spec["egress"] is JsonArray { Count: > 0 } ? new JsonArray("Ingress", "Egress") : new JsonArray("Ingress");
        }
    }

    private static void ValidatePolicy(JsonObject policy, FieldErrors errors)
    {
        MetadataRules.CheckSelector(policy.At("spec", "podSelector"), "spec.podSelector", errors);
        foreach (var (direction, peers) in (ReadOnlySpan<(string, string)>)[("ingress", "from"), ("egress", "to")])
        {
            var index = 0;
            foreach (var rule in policy.Items("spec", direction))
            {
                var at = $"spec.{direction}[{index++}]";
                var peerIndex = 0;
                foreach (var peer in rule.Items(peers))
                {
                    CheckPeer(peer, $"{at}.{peers}[{peerIndex++}]", errors);
                }
            }
        }
    }

    private static void CheckPeer(JsonNode? peer, string at, FieldErrors errors)
    {
        var selectors = peer.At("podSelector") is not null || peer.At("namespaceSelector") is not null;
        if (peer.At("ipBlock") is { } block)
        {
            if (selectors)
            {
                errors.Forbidden(at, "may not specify both ipBlock and another peer");
            }

            var index = 0;
            foreach (var except in block.Items("except"))
            {
                if (!IPNetwork.TryParse(except.Text(), out var inner))
                {
                    errors.Invalid($"{at}.ipBlock.except[{index}]", except, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
                }
                else if (IPNetwork.TryParse(block.Text("cidr"), out var outer) && (!outer.Contains(inner.BaseAddress) || inner.PrefixLength <= outer.PrefixLength))
                {
                    errors.Invalid($"{at}.ipBlock.except[{index}]", except, "must be a strict subset of `cidr`");
                }

                index++;
            }
        }
        else if (!selectors)
        {
            errors.Required(at, "must specify a peer");
        }
    }

    private static void ValidateSlice(JsonObject slice, FieldErrors errors)
    {
        var index = 0;
        var family = slice.Text("addressType") == "IPv6" ? System.Net.Sockets.AddressFamily.InterNetworkV6 : System.Net.Sockets.AddressFamily.InterNetwork;
        foreach (var endpoint in slice.Items("endpoints"))
        {
            var position = 0;
            foreach (var address in endpoint.Items("addresses"))
            {
                if (slice.Text("addressType") != "FQDN" && (!IPAddress.TryParse(address.Text(), out var ip) || ip.AddressFamily != family))
                {
                    errors.Invalid($"endpoints[{index}].addresses[{position}]", address, $"must be a valid {slice.Text("addressType")} address");
                }

                position++;
            }

            index++;
        }
    }
}
