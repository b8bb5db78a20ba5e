using System.Collections.Frozen;
using System.Globalization;
using System.Net;
using Fairlead.Kube.Objects;

namespace Fairlead.Ingress.Controller;

/// <summary>Reads ingress-nginx's command line.</summary>
/// <remarks>
/// Every flag of ingress-nginx 1.15 is known: it is read, or it has no meaning without nginx, or it warns that it is not done yet. Any
/// other is an error.
/// </remarks>
internal static class IngressFlags
{
    private static readonly FrozenDictionary<string, Flag> s_flags = Flags().ToFrozenDictionary(f => f.Name, StringComparer.Ordinal);

    /// <summary>The options that the arguments ask for.</summary>
    /// <param name="warnings">Flags without effect, each with the reason.</param>
    /// <exception cref="FormatException">An argument is unknown or its value makes no sense; the message names all of them.</exception>
    public static IngressOptions Parse(IReadOnlyList<string> args, Func<string, string?> variable, out IReadOnlyList<string> warnings)
    {
        var options = new IngressOptions
        {
            PodName = variable("POD_NAME") ?? variable("HOSTNAME") ?? Environment.MachineName,
            PodNamespace = variable("POD_NAMESPACE") ?? "default",
        };
        var notes = new List<string>();
        var faults = new List<string>();
        for (var i = 0; i < args.Count; i++)
        {
            // The command of ingress-nginx's own image may come as the first argument, as in the course note's Deployment.
            if (i == 0 && args[i].EndsWith("nginx-ingress-controller", StringComparison.Ordinal))
            {
                continue;
            }

            var (name, value) = Split(args[i]);
            if (!s_flags.TryGetValue(name, out var flag))
            {
                faults.Add(args[i].StartsWith('-') ? $"unknown flag --{name}" : $"unexpected argument '{args[i]}'");
                continue;
            }

            value ??= flag.IsSwitch ? "true" : i + 1 < args.Count ? args[++i] : null;
            if (value is null)
            {
                faults.Add($"--{name} needs a value");
            }
            else if (flag.Apply is null)
            {
                notes.Add($"--{name}: {flag.Note}");
            }
            else
            {
                try
                {
                    options = flag.Apply(options, value);
                }
                catch (FormatException e)
                {
                    faults.Add($"--{name}: {e.Message}");
                }
            }
        }

        warnings = notes;
        return faults.Count == 0 ? options : throw new FormatException(string.Join("; ", faults));
    }

    /// <summary>The flags that do something, for <c>--help</c>.</summary>
    public static IEnumerable<(string Name, string Note)> Help
        => s_flags.Values.Where(f => f.Apply is not null).OrderBy(f => f.Name, StringComparer.Ordinal).Select(f => ($"--{f.Name}", f.Note));

    private static (string Name, string? Value) Split(string arg)
        => arg.Split('=', 2) is [var left, var right] ? (left.TrimStart('-'), right) : (arg.TrimStart('-'), null);

    private static IEnumerable<Flag> Flags()
    {
        yield return new("kubeconfig", "a kubeconfig file; else $KUBECONFIG, else the service account of the pod",
            (o, v) => o with { Kubeconfig = v });
        yield return new("configmap", "namespace/name of the ConfigMap with settings for all routes",
            (o, v) => o with { Routing = o.Routing with { ConfigMap = Key(v) } });
        yield return new("default-backend-service", "namespace/name of the Service that answers what no Ingress claims",
            (o, v) => o with { Routing = o.Routing with { DefaultBackendService = Key(v) } });
        yield return new("default-ssl-certificate", "namespace/name of the Secret with the certificate for hosts without one",
            (o, v) => o with { Routing = o.Routing with { DefaultCertificate = Key(v) } });
        yield return new("ingress-class", "value of the annotation kubernetes.io/ingress.class that is served (nginx)",
            (o, v) => o with { Routing = o.Routing with { IngressClass = v } });
        yield return new("controller-class",
            "controller of the IngressClasses that are served (k8s.io/ingress-nginx; fairlead.dev/ingress always is)",
            (o, v) => o with { Routing = o.Routing with { ControllerClass = v } });
        yield return new("watch-ingress-without-class", "serve Ingresses that name no class",
            (o, v) => o with { Routing = o.Routing with { WatchWithoutClass = Bool(v) } }, IsSwitch: true);
        yield return new("disable-catch-all", "serve no Ingress without a host",
            (o, v) => o with { Routing = o.Routing with { DisableCatchAll = Bool(v) } }, IsSwitch: true);
        yield return new("annotations-prefix", "prefix of annotations (nginx.ingress.kubernetes.io)",
            (o, v) => o with { Routing = o.Routing with { AnnotationsPrefix = v.TrimEnd('/') } });
        yield return new("watch-namespace", "the one namespace to watch; all if empty",
            (o, v) => o with { WatchNamespace = v.Length == 0 ? null : v });
        yield return new("http-port", "port for HTTP (80)", (o, v) => o with { HttpPort = Port(v) });
        yield return new("https-port", "port for HTTPS (443)", (o, v) => o with { HttpsPort = Port(v) });
        yield return new("healthz-port", "port of /healthz and /metrics (10254)", (o, v) => o with { HealthPort = Port(v) });
        yield return new("healthz-host", "address of /healthz and /metrics; all if empty",
            (o, v) => o with { HealthAddress = v.Length == 0 ? null : Address(v) });
        yield return new("health-check-path", "path of the health check (/healthz)", (o, v) => o with { HealthPath = v });
        yield return new("update-status", "fill status.loadBalancer of Ingresses (true)",
            (o, v) => o with { UpdateStatus = Bool(v) }, IsSwitch: true);
        yield return new("update-status-on-shutdown", "empty it when the last replica ends (true)",
            (o, v) => o with { UpdateStatusOnShutdown = Bool(v) }, IsSwitch: true);
        yield return new("status-update-interval", "seconds between looks at the addresses (60)",
            (o, v) => o with { StatusInterval = TimeSpan.FromSeconds(Number(v, 1)) });
        yield return new("publish-service", "namespace/name of the Service whose addresses are published",
            (o, v) => o with { PublishService = Key(v) });
        yield return new("publish-status-address", "addresses to publish, separated by commas",
            (o, v) => o with { PublishAddresses = v.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) });
        yield return new("report-node-internal-ip-address", "publish internal addresses of nodes",
            (o, v) => o with { ReportInternalAddress = Bool(v) }, IsSwitch: true);
        yield return new("election-id", "name of the Lease that decides who writes status and events", (o, v) => o with { ElectionId = v });
        yield return new("election-ttl", "how long the Lease holds (30s)", (o, v) => o with { ElectionTtl = Duration(v) });
        yield return new("disable-leader-election", "write status and events without asking the other replicas",
            (o, v) => o with { LeaderElection = !Bool(v) }, IsSwitch: true);
        yield return new("shutdown-grace-period", "seconds in which new requests are still taken after the end was asked for (2)",
            (o, v) => o with { ShutdownGrace = TimeSpan.FromSeconds(Number(v, 0)) });

        foreach (var name in (string[])["enable-metrics", "metrics-per-host", "enable-annotation-validation", "profiling", "deep-inspect",
            "disable-full-test", "disable-sync-events"])
        {
            yield return new(name, "it is always so here", null, IsSwitch: true);
        }

        foreach (var name in (string[])
            [
                "v", "sync-period", "sync-rate-limit", "health-check-timeout", "post-shutdown-grace-period", "default-server-port",
                "status-port", "stream-port",
                "internal-logger-address", "profiler-port", "profiler-address", "dynamic-configuration-retries", "monitor-max-batch-size",
                "stderrthreshold",
                "logtostderr", "alsologtostderr", "log_dir", "vmodule", "ssl-passthrough-proxy-port", "validating-webhook",
                "validating-webhook-certificate",
                "validating-webhook-key",
            ])
        {
            yield return new(name, "it is about nginx or the machinery around it and has no meaning here", null,
                IsSwitch: name is "logtostderr" or "alsologtostderr");
        }

        foreach (var name in (string[])
            [
                "apiserver-host", "certificate-authority", "tcp-services-configmap", "udp-services-configmap", "watch-namespace-selector",
                "time-buckets", "length-buckets",
                "size-buckets", "bucket-factor", "max-buckets", "exclude-socket-metrics", "maxmind-mirror", "maxmind-license-key",
                "maxmind-edition-ids",
                "maxmind-retries-count", "maxmind-retries-timeout",
            ])
        {
            yield return new(name, "it is not implemented yet and has no effect", null);
        }

        foreach (var name in (string[])
            [
                "enable-ssl-passthrough", "ingress-class-by-name", "disable-svc-external-name", "enable-ssl-chain-completion",
                "metrics-per-undefined-host",
                "report-status-classes", "enable-topology-aware-routing", "version",
            ])
        {
            yield return new(name, "it is not implemented yet and has no effect", null, IsSwitch: true);
        }
    }

    private static ObjectKey Key(string value)
        => value.Split('/') is [{ Length: > 0 } ns, { Length: > 0 } name]
            ? new ObjectKey(ns, name)
            : throw new FormatException($"'{value}' is not namespace/name");

    private static int Port(string value)
        => Number(value, 0) is var port and <= 65535 ? port : throw new FormatException($"'{value}' is no port");

    private static int Number(string value, int least)
        => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least
            ? number
            : throw new FormatException($"'{value}' is not a whole number from {least}");

    private static bool Bool(string value)
        => value switch
        {
            "true" or "True" or "TRUE" or "1" or "t" => true,
            "false" or "False" or "FALSE" or "0" or "f" => false,
            _ => throw new FormatException($"'{value}' is neither true nor false"),
        };

    private static IPAddress Address(string value)
        => IPAddress.TryParse(value, out var address) ? address : throw new FormatException($"'{value}' is no address");

    /// <summary>A duration of one Go unit, such as <c>30s</c>, <c>500ms</c>, <c>2m</c>.</summary>
    private static TimeSpan Duration(string value)
    {
        var digits = value.AsSpan().TrimEnd("hms");
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number > 0
            ? value[digits.Length..] switch
            {
                "ms" => TimeSpan.FromMilliseconds(number),
                "s" => TimeSpan.FromSeconds(number),
                "m" => TimeSpan.FromMinutes(number),
                "h" => TimeSpan.FromHours(number),
                _ => throw new FormatException($"'{value}' is no duration such as 30s"),
            }
            : throw new FormatException($"'{value}' is no duration such as 30s");
    }

    private sealed record Flag(string Name, string Note, Func<IngressOptions, string, IngressOptions>? Apply, bool IsSwitch = false);
}
