using System.Net;
using System.Text.Json.Nodes;
using Fairlead.Kube.Yaml;

namespace Fairlead.Lab.Addons;

/// <summary>The cluster's own parts, from the same files that a real cluster applies (<c>deploy/</c>).</summary>
internal static class AddonManifests
{
    /// <summary>Cluster DNS and ingress, fitted to this lab's service range.</summary>
    public static IReadOnlyList<JsonNode> For(IPNetwork services) => [.. Read("dns.yaml").Select(m => WithDnsAddress(m, services)), .. Read("ingress.yaml")];

    /// <summary>The cluster DNS address: the tenth of the service range.</summary>
    public static IPAddress ClusterDns(IPNetwork services) => AddressRange.At(services, 10);

    private static IReadOnlyList<JsonNode> Read(string file)
    {
        using var resource = typeof(AddonManifests).Assembly.GetManifestResourceStream(file) ?? throw new InvalidOperationException($"{file} is not in the program");
        using var reader = new StreamReader(resource);
        return KubeYaml.Parse(reader.ReadToEnd());
    }

    private static JsonNode WithDnsAddress(JsonNode manifest, IPNetwork services)
    {
        if (manifest["kind"]?.GetValue<string>() == "Service")
        {
            manifest["spec"]!["clusterIP"] = ClusterDns(services).ToString();
        }

        return manifest;
    }
}
