using System.Diagnostics.Metrics;
using Fairlead.Core.Routing;
using Fairlead.Ingress.Certificates;
using Fairlead.Kube.State;

namespace Fairlead.Ingress.Status;

/// <summary>The state of the controller under ingress-nginx's names.</summary>
internal sealed class ControllerMetrics : IDisposable
{
    private const string Prefix = "nginx_ingress_controller_";

    private readonly Meter _meter = new("Fairlead.Ingress.Controller");

    public ControllerMetrics(Snapshot<RouteTable> routes, CertificateStore certificates, Snapshot<Leadership> leadership, string election)
    {
        // There is no reload that could fail: a table is in force the moment it is published.
        _meter.CreateObservableGauge(Prefix + "config_last_reload_successful",
            () => ReferenceEquals(routes.Current, RouteTable.Empty) ? 0 : 1, null,
            "Whether the last configuration reload attempt was successful");
        _meter.CreateObservableGauge(Prefix + "leader_election_status",
            () => new Measurement<int>(leadership.Current.IsLeader ? 1 : 0, KeyValuePair.Create<string, object?>("name", election)), null,
            "Gauge reporting status of the leader election, 0 indicates follower, 1 indicates leader");
        _meter.CreateObservableGauge(Prefix + "ssl_expire_time_seconds", () => Expiries(routes.Current, certificates), "s",
            "Number of seconds since 1970 to the SSL Certificate expire");
        _meter.CreateObservableGauge(Prefix + "orphan_ingress", () => Orphans(routes.Current), null,
            "Gauge reporting status of ingress orphanage, 1 indicates orphaned ingress");
        _meter.CreateObservableGauge("fairlead_ingress_routes",
            () => routes.Current.Hosts.Values.Sum(h => h.Routes.Length) + routes.Current.AnyHost.Routes.Length, null, "Routes in force");
        _meter.CreateObservableGauge("fairlead_ingress_diagnostics", () => routes.Current.Diagnostics.Length, null,
            "Things in the objects that do not do what they say");
        _meter.CreateObservableGauge(Prefix + "build_info", () => new Measurement<int>(1,
            KeyValuePair.Create<string, object?>("repository", "fairlead"),
            KeyValuePair.Create<string, object?>("release", typeof(ControllerMetrics).Assembly.GetName().Version?.ToString(3))), null,
            "A metric with a constant '1' labeled with information about the build");
    }

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<long>> Expiries(RouteTable table, CertificateStore certificates)
        => from entry in table.Certificates
           where entry.Value is not null
           let expires = certificates.Expires(entry.Value)
           where expires is not null
           select new Measurement<long>(expires.Value.ToUnixTimeSeconds(),
               KeyValuePair.Create<string, object?>("host", entry.Key),
               KeyValuePair.Create<string, object?>("namespace", entry.Value.Key.Namespace),
               KeyValuePair.Create<string, object?>("secret_name", entry.Value.Key.Name));

    private static IEnumerable<Measurement<int>> Orphans(RouteTable table)
        => table.Diagnostics
            .Where(d => d.Reason is "ServiceNotFound" or "ServicePortNotFound")
            .Select(d => d.Object)
            .Distinct()
            .Select(o => new Measurement<int>(1,
                KeyValuePair.Create<string, object?>("namespace", o.Namespace),
                KeyValuePair.Create<string, object?>("ingress", o.Name),
                KeyValuePair.Create<string, object?>("type", "no-service")));
}
