using Fairlead.Core.Routing;
using Fairlead.Ingress.Certificates;
using Fairlead.Kube.Events;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Ingress.Status;

/// <summary>
/// Tells authors of objects what is wrong with them, by Events, as long as this replica leads. Each diagnostic is told once until it
/// goes.
/// </summary>
internal sealed class DiagnosticEvents(
    EventRecorder recorder, Snapshot<RouteTable> routes, CertificateStore certificates, Snapshot<Leadership> leadership)
{
    private HashSet<RouteDiagnostic> _told = [];

    public async Task RunAsync(CancellationToken ct)
    {
        while (true)
        {
            var (table, state) = (routes.Current, leadership.Current);
            if (state.IsLeader)
            {
                Tell(table);
            }

            await Task.WhenAny(routes.ChangedAsync(table), leadership.ChangedAsync(state)).WaitAsync(ct);
        }
    }

    /// <summary>Certificates that cannot be used: only the attempt shows that, so the compiler does not know.</summary>
    internal static IEnumerable<RouteDiagnostic> OfCertificates(RouteTable table, CertificateStore certificates)
    {
        // By key, once: this is done for every table, and a cluster may have thousands of each.
        var secrets = table.Certificates.Values.OfType<TlsSecret>().DistinctBy(s => s.Key).ToDictionary(s => s.Key);
        return from ingress in table.Ingresses
               from tls in ingress.Spec.Tls
               let secret = secrets.GetValueOrDefault(new ObjectKey(ingress.Metadata.Namespace, tls.SecretName ?? ""))
               where secret is not null
               let fault = certificates.Fault(secret)
               where fault is not null
               select new RouteDiagnostic(DiagnosticSeverity.Warning, "Ingress",
                   new ObjectKey(ingress.Metadata.Namespace, ingress.Metadata.Name), "TlsSecretInvalid",
                   $"Secret {secret.Key}: {fault} The default certificate is served instead.");
    }

    private void Tell(RouteTable table)
    {
        var now = table.Diagnostics.Concat(OfCertificates(table, certificates)).ToHashSet();
        var ingresses = table.Ingresses.ToDictionary(i => new ObjectKey(i.Metadata.Namespace, i.Metadata.Name));
        foreach (var diagnostic in now.Where(d => !_told.Contains(d)))
        {
            var about = new ObjectReference
            {
                ApiVersion = diagnostic.Kind == "Ingress" ? "networking.k8s.io/v1" : "v1",
                Kind = diagnostic.Kind,
                Namespace = diagnostic.Object.Namespace,
                Name = diagnostic.Object.Name,
                Uid = diagnostic.Kind == "Ingress" ? ingresses.GetValueOrDefault(diagnostic.Object)?.Metadata.Uid : null,
            };
            var type = diagnostic.Severity == DiagnosticSeverity.Notice ? "Normal" : "Warning";
            recorder.Record(about, type, diagnostic.Reason, diagnostic.Message);
        }

        _told = now;
    }
}
