using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Admission.Kinds;

/// <summary>Services. Their addresses and node ports are given out by <see cref="ServiceAllocator"/>.</summary>
internal static class ServiceRules
{
    public static readonly KindRules Rules = new()
    {
        Name = NameRules.ServiceName,
        Default = Default,
        PrepareUpdate = PrepareUpdate,
        Validate = Validate,
        ValidateUpdate = ValidateUpdate,
    };

    private static void Default(JsonObject service)
    {
        var spec = service.Child("spec");
        var type = spec.Text("type");
        foreach (var port in spec.Items("ports").OfType<JsonObject>())
        {
            if (port["targetPort"] is null || port.At("targetPort").Display() is "0" or "")
            {
                port["targetPort"] = port["port"]?.DeepClone() ?? 0;
            }
        }

        if (spec.Text("sessionAffinity") == "ClientIP")
        {
            spec.Child("sessionAffinityConfig").Child("clientIP").SetDefault("timeoutSeconds", 10800);
        }
        else
        {
            spec.Remove("sessionAffinityConfig");
        }

        if (type is "NodePort" or "LoadBalancer" || (type == "ClusterIP" && spec.Items("externalIPs").Any()))
        {
            spec.SetDefault("externalTrafficPolicy", "Cluster");
        }

        if (type == "LoadBalancer")
        {
            spec.SetDefault("allocateLoadBalancerNodePorts", true);
        }

        if (type != "ExternalName")
        {
            spec.SetDefault("internalTrafficPolicy", "Cluster");
            spec.SetDefault("ipFamilyPolicy", "SingleStack");
            var old = spec.Text("clusterIP") is { Length: > 0 } ip && IPAddress.TryParse(ip, out var address) && address.AddressFamily == AddressFamily.InterNetworkV6;
            spec.SetDefault("ipFamilies", new JsonArray(old ? "IPv6" : "IPv4"));
        }
    }

    /// <summary>What the server gave out before stays, unless the update says otherwise.</summary>
    private static void PrepareUpdate(JsonObject next, JsonObject old)
    {
        var (spec, before) = (next.Child("spec"), old.Child("spec"));
        var (type, was) = (spec.Text("type"), before.Text("type"));
        if (type == "ExternalName")
        {
            if (was != "ExternalName" && spec.Text("clusterIP") == before.Text("clusterIP"))
            {
                spec.Remove("clusterIP");
                spec.Remove("clusterIPs");
            }
        }
        else if (was != "ExternalName" && spec.Text("clusterIP").Length == 0)
        {
            Keep(spec, before, "clusterIP");
            Keep(spec, before, "clusterIPs");
        }
        else if (spec.Text("clusterIP") != before.Text("clusterIP") && spec["clusterIPs"] is JsonArray { Count: > 0 } all && JsonNode.DeepEquals(all, before["clusterIPs"]))
        {
            all[0] = spec.Text("clusterIP");   // whoever changes only the one means both
        }

        if (type is "NodePort" or "LoadBalancer" && was is "NodePort" or "LoadBalancer")
        {
            foreach (var port in spec.Items("ports").OfType<JsonObject>().Where(p => (p.Number("nodePort") ?? 0) == 0))
            {
                var same = before.Items("ports").FirstOrDefault(p => p.Number("port") == port.Number("port") && p.Text("protocol") == port.Text("protocol"));
                if (same.Number("nodePort") is > 0 and var given && spec.Items("ports").All(p => p.Number("nodePort") != given))
                {
                    port["nodePort"] = given;
                }
            }
        }
        else if (type is "ClusterIP" or "ExternalName" && was is "NodePort" or "LoadBalancer")
        {
            var given = before.Items("ports").Select(p => p.Number("nodePort")).ToHashSet();
            foreach (var port in spec.Items("ports").OfType<JsonObject>().Where(p => given.Contains(p.Number("nodePort"))))
            {
                port.Remove("nodePort");
            }

            spec.Remove("externalTrafficPolicy");
        }
    }

    private static void Keep(JsonObject spec, JsonObject before, string field)
    {
        if (before[field] is { } value)
        {
            spec[field] = value.DeepClone();
        }
    }

    private static void Validate(JsonObject service, FieldErrors errors)
    {
        var spec = service.At("spec");
        var type = spec.Text("type");
        var headless = spec.Text("clusterIP") == "None";
        if (!spec.Items("ports").Any() && !headless && type != "ExternalName")
        {
            errors.Required("spec.ports");
        }

        if (type == "ExternalName")
        {
            CheckExternalName(spec, errors);
        }
        else if (spec.Text("clusterIP") is { Length: > 0 } ip && !headless && !IPAddress.TryParse(ip, out _))
        {
            errors.Invalid("spec.clusterIPs[0]", ip, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
        }

        if (headless && type is "NodePort" or "LoadBalancer")
        {
            errors.Invalid("spec.clusterIPs[0]", "None", $"may not be set to 'None' for {type} services");
        }

        if (spec.Items("clusterIPs").FirstOrDefault() is { } first && first.Text() != spec.Text("clusterIP"))
        {
            errors.Invalid("spec.clusterIPs", spec.At("clusterIPs"), "first value must match `clusterIP`");
        }

        MetadataRules.CheckLabels(spec.At("selector"), "spec.selector", errors);
        CheckPorts(spec, type, errors);
        var index = 0;
        foreach (var address in spec.Items("externalIPs"))
        {
            if (!IPAddress.TryParse(address.Text(), out _))
            {
                errors.Invalid($"spec.externalIPs[{index}]", address, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
            }

            index++;
        }
    }

    private static void CheckExternalName(JsonNode? spec, FieldErrors errors)
    {
        if (spec.Text("clusterIP").Length > 0)
        {
            errors.Forbidden("spec.clusterIPs", "may not be set for ExternalName services");
        }

        var name = spec.Text("externalName").TrimEnd('.');
        if (name.Length == 0)
        {
            errors.Required("spec.externalName");
        }
        else
        {
            foreach (var wrong in NameRules.Subdomain(name))
            {
                errors.Invalid("spec.externalName", name, wrong);
            }
        }
    }

    private static void CheckPorts(JsonNode? spec, string type, FieldErrors errors)
    {
        var ports = spec.Items("ports").ToList();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var numbers = new HashSet<(string, long)>();
        var nodePorts = new HashSet<(string, long)>();
        for (var i = 0; i < ports.Count; i++)
        {
            var (port, at) = (ports[i], $"spec.ports[{i}]");
            var name = port.Text("name");
            if (name.Length == 0 && ports.Count > 1)
            {
                errors.Required($"{at}.name");
            }
            else if (name.Length > 0)
            {
                foreach (var wrong in NameRules.Label(name))
                {
                    errors.Invalid($"{at}.name", name, wrong);
                }

                if (!names.Add(name))
                {
                    errors.Duplicate($"{at}.name", name);
                }
            }

            if (!numbers.Add((port.Text("protocol"), port.Number("port") ?? 0)))
            {
                errors.Duplicate(at, new JsonObject { ["port"] = port.At("port")?.DeepClone(), ["protocol"] = port.Text("protocol") });
            }

            if (port.Number("nodePort") is not > 0)
            {
                continue;
            }

            if (type is "ClusterIP" or "ExternalName")
            {
                errors.Forbidden($"{at}.nodePort", $"may not be used when `type` is '{type}'");
            }
            else if (!nodePorts.Add((port.Text("protocol"), port.Number("nodePort")!.Value)))
            {
                errors.Duplicate($"{at}.nodePort", port.At("nodePort"));
            }
        }
    }

    private static void ValidateUpdate(JsonObject next, JsonObject old, FieldErrors errors)
    {
        if (next.Text("spec", "type") != "ExternalName" && old.Text("spec", "type") != "ExternalName" && old.Text("spec", "clusterIP").Length > 0
            && next.Text("spec", "clusterIP") != old.Text("spec", "clusterIP"))
        {
            errors.Invalid("spec.clusterIPs[0]", next.At("spec", "clusterIPs"), "may not change once set");
        }
    }
}
