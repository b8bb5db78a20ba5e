using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text;
using Fairlead.Kube.Objects;

namespace Fairlead.Core.Routing;

/// <summary>Turns API objects into a <see cref="RouteTable"/>. No I/O; whatever the objects hold, there is a table.</summary>
/// <remarks>
/// Each Ingress, host, upstream and certificate is compiled from its own objects only and kept from the previous table while these are the
/// same objects: a change costs what it changes, and one bad Ingress cannot harm another.
/// </remarks>
public static class RouteTableCompiler
{
    /// <summary>The table for the objects.</summary>
    /// <param name="previous">The table before, made with the same settings; only makes it faster.</param>
    public static RouteTable Compile(RouteInputs inputs, RoutingSettings settings, RouteTable? previous = null)
        => new Compilation(inputs, settings, previous ?? RouteTable.Empty).Run();

    /// <summary>One compile: what it reads, what it keeps, what it finds.</summary>
    private sealed class Compilation(RouteInputs inputs, RoutingSettings settings, RouteTable previous)
    {
        private readonly CompileCache _cache = previous.Cache;
        private readonly List<RouteDiagnostic> _diagnostics = [];
        private readonly Dictionary<ObjectKey, (Secret, TlsSecret?)> _secrets = [];

        public RouteTable Run()
        {
            var options = Options();
            var ingresses = Ingresses(options);
            var defaultBackend = settings.DefaultBackendService is { } service ? new UpstreamKey(service, "", direct: false) : null;
            var hosts = Hosts(ingresses, defaultBackend);
            var slices = SlicesByService();
            var upstreams = Upstreams(ingresses, defaultBackend, slices);
            var certificates = Certificates(ingresses);
            var defaultCertificate = settings.DefaultCertificate is { } secret
                ? Secret(secret, new RouteDiagnostic(DiagnosticSeverity.Warning, "Secret", secret, "TlsSecretInvalid", ""))
                : null;

            return new RouteTable
            {
                Options = options,
                Hosts = SameOrNew(previous.Hosts, hosts.Where(h => h.Key.Length > 0), h => h.Routes),
                AnyHost = hosts[""].Routes,
                Upstreams = SameOrNew(previous.Upstreams, upstreams, u => u.Upstream),
                DefaultBackend = defaultBackend,
                Certificates = certificates.ToFrozenDictionary(StringComparer.Ordinal),
                DefaultCertificate = defaultCertificate,
                Ingresses = [.. ingresses.Select(i => inputs.Ingresses[i.Key])],
                Diagnostics =
                [
                    .. _diagnostics.Distinct()
                        .OrderBy(d => d.Object.ToString(), StringComparer.Ordinal)
                        .ThenBy(d => d.Reason, StringComparer.Ordinal)
                        .ThenBy(d => d.Message, StringComparer.Ordinal),
                ],
                Cache = new CompileCache
                {
                    ConfigMap = inputs.ConfigMap,
                    Ingresses = ingresses.ToDictionary(i => i.Key),
                    Hosts = hosts,
                    EndpointSlices = inputs.EndpointSlices,
                    SlicesByService = slices,
                    Upstreams = upstreams,
                    Secrets = _secrets,
                },
            };
        }

        private GlobalOptions Options()
        {
            if (inputs.ConfigMap is not { } map)
            {
                return GlobalOptions.Default;
            }

            var (options, diagnostics) = GlobalOptionsCompiler.Compile(KeyOf(map), map.Data);
            _diagnostics.AddRange(diagnostics);
            return ReferenceEquals(map, _cache.ConfigMap) ? previous.Options : options;
        }

        /// <summary>Ours, oldest first: of two that claim one path the older one has it.</summary>
        private ImmutableArray<CompiledIngress> Ingresses(GlobalOptions options)
        {
            var classes = new IngressClassSelector(settings, inputs.Classes);
            var ours = new List<CompiledIngress>();
            foreach (var (key, ingress) in inputs.Ingresses)
            {
                if (classes.IsOurs(ingress, out var isNginx, out var fault))
                {
                    var kept = _cache.Ingresses.GetValueOrDefault(key);
                    var compiled = kept is not null && kept.IsOf(ingress, isNginx, options)
                        ? kept
                        : CompiledIngress.Compile(ingress, isNginx, options, settings);
                    ours.Add(compiled);
                    _diagnostics.AddRange(compiled.Diagnostics);
                }
                else if (fault is not null)
                {
                    _diagnostics.Add(new RouteDiagnostic(DiagnosticSeverity.Warning, "Ingress", key, "IngressClassNotFound", fault));
                }
            }

            return
            [
                .. ours.OrderBy(i => i.Source.Metadata.CreationTimestamp ?? DateTimeOffset.MinValue)
                    .ThenBy(i => i.Key.Namespace, StringComparer.Ordinal)
                    .ThenBy(i => i.Key.Name, StringComparer.Ordinal),
            ];
        }

        private Dictionary<string, CompiledHost> Hosts(ImmutableArray<CompiledIngress> ingresses, UpstreamKey? defaultBackend)
        {
            var sources = new Dictionary<string, List<CompiledIngress>>(StringComparer.Ordinal) { [""] = [] };
            foreach (var ingress in ingresses)
            {
                IEnumerable<string> hosts = ingress.IsCatchAll ? [""] : ingress.Rules.Select(r => r.Host).Distinct(StringComparer.Ordinal);
                foreach (var host in hosts)
                {
                    if (!sources.TryGetValue(host, out var list))
                    {
                        sources.Add(host, list = []);
                    }

                    list.Add(ingress);
                }
            }

            var compiled = new Dictionary<string, CompiledHost>(sources.Count, StringComparer.Ordinal);
            foreach (var (host, list) in sources)
            {
                compiled.Add(host, Host(host, list, defaultBackend));
                _diagnostics.AddRange(compiled[host].Diagnostics);
            }

            return compiled;
        }

        private CompiledHost Host(string host, List<CompiledIngress> sources, UpstreamKey? defaultBackend)
        {
            if (_cache.Hosts.TryGetValue(host, out var kept) && Same(kept.Sources.AsSpan(), CollectionsMarshal.AsSpan(sources)))
            {
                return kept;
            }

            var diagnostics = new List<RouteDiagnostic>();
            var routes = HostRoutesBuilder.Build(host, sources, defaultBackend, diagnostics);
            return new CompiledHost([.. sources], routes, [.. diagnostics]);
        }

        private IReadOnlyDictionary<ObjectKey, ImmutableArray<EndpointSlice>> SlicesByService()
            => ReferenceEquals(inputs.EndpointSlices, _cache.EndpointSlices)
                ? _cache.SlicesByService
                : inputs.EndpointSlices.Values
                    .GroupBy(s => new ObjectKey(s.Metadata.Namespace, s.Metadata.Labels.Find("kubernetes.io/service-name") ?? ""))
                    .ToDictionary(g => g.Key, g => g.OrderBy(s => s.Metadata.Name, StringComparer.Ordinal).ToImmutableArray());

        private Dictionary<UpstreamKey, CompiledUpstream> Upstreams(
            ImmutableArray<CompiledIngress> ingresses,
            UpstreamKey? defaultBackend,
            IReadOnlyDictionary<ObjectKey, ImmutableArray<EndpointSlice>> slices)
        {
            var compiled = new Dictionary<UpstreamKey, CompiledUpstream>();
            foreach (var ingress in ingresses)
            {
                foreach (var key in ingress.Rules.SelectMany(r => r.Paths).Select(p => p.Upstream).Append(ingress.DefaultBackend))
                {
                    if (key is not null && Upstream(key) is { Fault: { } fault })
                    {
                        _diagnostics.Add(new(DiagnosticSeverity.Error, "Ingress", ingress.Key, fault.Reason, fault.Message));
                    }
                }
            }

            if (defaultBackend is not null)
            {
                Upstream(defaultBackend);
            }

            return compiled;

            Upstream Upstream(UpstreamKey key)
            {
                if (!compiled.TryGetValue(key, out var found))
                {
                    var service = inputs.Services.GetValueOrDefault(key.Service);
                    var own = slices.GetValueOrDefault(key.Service, []);
                    found = _cache.Upstreams.TryGetValue(key, out var kept) && ReferenceEquals(kept.Service, service)
                        && Same(kept.Slices.AsSpan(), own.AsSpan())
                        ? kept
                        : new CompiledUpstream(service, own, Keep(kept?.Upstream, UpstreamCompiler.Compile(key, service, own)));
                    compiled.Add(key, found);
                }

                return found.Upstream;
            }

            // A slice often changes in what does not concern us: an equal upstream stays the same object.
            static Upstream Keep(Upstream? before, Upstream now) => before is not null && before.Equals(now) ? before : now;
        }

        private Dictionary<string, TlsSecret?> Certificates(ImmutableArray<CompiledIngress> ingresses)
        {
            var certificates = new Dictionary<string, TlsSecret?>(StringComparer.Ordinal);
            foreach (var ingress in ingresses)
            {
                foreach (var (host, key) in ingress.Tls)
                {
                    if (host.Length > 0 && !certificates.ContainsKey(host))
                    {
                        certificates.Add(host, key is { } secret
                            ? Secret(secret, new(DiagnosticSeverity.Warning, "Ingress", ingress.Key, "TlsSecretInvalid", ""))
                            : null);
                    }
                }
            }

            return certificates;
        }

        /// <summary>The certificate of a Secret; null, and the diagnostic with a message, when there is none to use.</summary>
        private TlsSecret? Secret(ObjectKey key, RouteDiagnostic fault)
        {
            if (!inputs.Secrets.TryGetValue(key, out var secret))
            {
                _diagnostics.Add(fault with
                {
                    Reason = "TlsSecretNotFound",
                    Message = $"Secret {key} does not exist; the default certificate is served instead.",
                });
                return null;
            }

            if (!_secrets.TryGetValue(key, out var compiled))
            {
                compiled = _cache.Secrets.TryGetValue(key, out var kept) && ReferenceEquals(kept.Source, secret)
                    ? kept
                    : (secret, Read(key, secret));
                _secrets.Add(key, compiled);
            }

            if (compiled.Item2 is null)
            {
                _diagnostics.Add(fault with
                {
                    Message = $"Secret {key} has no readable tls.crt and tls.key; the default certificate is served instead.",
                });
            }

            return compiled.Item2;
        }

        private static TlsSecret? Read(ObjectKey key, Secret secret)
            => Text(secret, "tls.crt") is { } certificate && Text(secret, "tls.key") is { } privateKey
                ? new TlsSecret(key, certificate, privateKey)
                : null;

        private static string? Text(Secret secret, string name)
        {
            var encoded = secret.Data.Find(name);
            var bytes = new byte[encoded?.Length ?? 0];
            return encoded is { Length: > 0 } && Convert.TryFromBase64String(encoded, bytes, out var length)
                ? Encoding.UTF8.GetString(bytes, 0, length)
                : null;
        }

        private static bool Same<T>(ReadOnlySpan<T> before, ReadOnlySpan<T> now)
            where T : class
            => before.SequenceEqual(now, ReferenceEqualityComparer.Instance);

        /// <summary>
        /// The frozen dictionary before, if every value is the same object: freezing thousands of entries is most of a small change's
        /// cost.
        /// </summary>
        private static FrozenDictionary<TKey, TValue> SameOrNew<TKey, TCompiled, TValue>(
            FrozenDictionary<TKey, TValue> before, IEnumerable<KeyValuePair<TKey, TCompiled>> compiled, Func<TCompiled, TValue> value)
            where TKey : notnull
            where TValue : class
        {
            var count = 0;
            var same = true;
            foreach (var (key, item) in compiled)
            {
                count++;
                same = same && before.TryGetValue(key, out var kept) && ReferenceEquals(kept, value(item));
            }

            return same && count == before.Count ? before : compiled.ToFrozenDictionary(c => c.Key, c => value(c.Value));
        }

        private static ObjectKey KeyOf(ConfigMap map) => new(map.Metadata.Namespace, map.Metadata.Name);
    }
}
