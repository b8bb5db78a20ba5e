using System.Globalization;
using Fairlead.Kube.Objects;

namespace Fairlead.Lab.Pods.Variables;

/// <summary>The variables by which a pod finds Services without DNS: <c>WEB_SERVICE_HOST</c> and Docker's link variables.</summary>
internal static class ServiceVariables
{
    /// <summary>Those of the API server's own Service, and with <paramref name="links"/> of all in the pod's namespace.</summary>
    public static IEnumerable<KeyValuePair<string, string>> For(string @namespace, bool links, IEnumerable<Service> services)
        => services
            .Where(s => s.Spec.ClusterIP is not ("" or "None") && !s.Spec.Ports.IsEmpty && IsWanted(s, @namespace, links))
            // One in the pod's own namespace wins over the API server's, as in kubelet.
            .OrderBy(s => s.Metadata.Namespace == @namespace).ThenBy(s => s.Metadata.Name, StringComparer.Ordinal)
            .SelectMany(Of);

    private static bool IsWanted(Service service, string @namespace, bool links)
        => (service.Metadata is { Namespace: "default", Name: "kubernetes" }) || (links && service.Metadata.Namespace == @namespace);

    private static IEnumerable<KeyValuePair<string, string>> Of(Service service)
    {
        var name = Name(service.Metadata.Name);
        var ip = service.Spec.ClusterIP;
        var host = ip.Contains(':', StringComparison.Ordinal) ? $"[{ip}]" : ip;
        yield return new($"{name}_SERVICE_HOST", ip);
        yield return new($"{name}_SERVICE_PORT", Text(service.Spec.Ports[0].Port));
        foreach (var port in service.Spec.Ports.Where(p => p.Name.Length > 0))
        {
            yield return new($"{name}_SERVICE_PORT_{Name(port.Name)}", Text(port.Port));
        }

        for (var i = 0; i < service.Spec.Ports.Length; i++)
        {
            var port = service.Spec.Ports[i];
            var protocol = port.Protocol ?? "TCP";
            var url = $"{protocol.ToLowerInvariant()}://{host}:{Text(port.Port)}";
            if (i == 0)
            {
                yield return new($"{name}_PORT", url);
            }

            var prefix = $"{name}_PORT_{Text(port.Port)}_{protocol.ToUpperInvariant()}";
            yield return new(prefix, url);
            yield return new($"{prefix}_PROTO", protocol.ToLowerInvariant());
            yield return new($"{prefix}_PORT", Text(port.Port));
            yield return new($"{prefix}_ADDR", ip);
        }
    }

    private static string Name(string name) => name.ToUpperInvariant().Replace('-', '_');

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
