using System.Collections.Immutable;
using System.Net;
using Fairlead.Core.Routing;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Kube.Yaml;
using IngressObject = Fairlead.Kube.Objects.Ingress;

namespace Fairlead.Tests.Routing;

/// <summary>Objects for one test, written as manifests; what a case does not write is as the API server would fill it.</summary>
/// <remarks>Every Service that an Ingress names exists with two ready endpoints unless a test takes it away; names sort by age.</remarks>
internal sealed class Cluster
{
    private static readonly DateTimeOffset s_begin = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private int _age;

    public RouteInputs Inputs { get; private set; } = new();

    public RoutingSettings Settings { get; init; } = new();

    /// <summary>A cluster with the IngressClass <c>nginx</c> as default and the manifests in it, older ones first.</summary>
    public static Cluster With(params string[] manifests)
    {
        var cluster = new Cluster().Add("""
            apiVersion: networking.k8s.io/v1
            kind: IngressClass
            metadata: {name: nginx, annotations: {ingressclass.kubernetes.io/is-default-class: "true"}}
            spec: {controller: k8s.io/ingress-nginx}
            """);
        foreach (var manifest in manifests)
        {
            cluster.Add(manifest);
        }

        return cluster.AddMissingServices();
    }

    public RouteTable Compile(RouteTable? previous = null) => RouteTableCompiler.Compile(Inputs, Settings, previous);

    public Cluster Add(string yaml)
    {
        foreach (var node in KubeYaml.Parse(yaml))
        {
            switch ((string?)node["kind"])
            {
                case "Ingress":
                    var ingress = KubeJson.FromNode<IngressObject>(node);
                    Inputs = Inputs with { Ingresses = Inputs.Ingresses.SetItem(Key(ingress), ingress with { Metadata = Aged(ingress.Metadata) }) };
                    break;
                case "IngressClass":
                    var ingressClass = KubeJson.FromNode<IngressClass>(node);
                    Inputs = Inputs with { Classes = Inputs.Classes.SetItem(new ObjectKey("", ingressClass.Metadata.Name), ingressClass) };
                    break;
                case "Service":
                    var service = KubeJson.FromNode<Service>(node);
                    Inputs = Inputs with { Services = Inputs.Services.SetItem(Key(service), service with { Metadata = Aged(service.Metadata) }) };
                    break;
                case "EndpointSlice":
                    var slice = KubeJson.FromNode<EndpointSlice>(node);
                    Inputs = Inputs with { EndpointSlices = Inputs.EndpointSlices.SetItem(Key(slice), slice with { Metadata = Aged(slice.Metadata) }) };
                    break;
                case "Secret":
                    var secret = KubeJson.FromNode<Secret>(node);
                    Inputs = Inputs with { Secrets = Inputs.Secrets.SetItem(Key(secret), secret with { Metadata = Aged(secret.Metadata) }) };
                    break;
                case "ConfigMap":
                    Inputs = Inputs with { ConfigMap = KubeJson.FromNode<ConfigMap>(node) };
                    break;
                default:
                    throw new InvalidOperationException($"no case uses {node["kind"]}");
            }
        }

        return this;
    }

    /// <summary>Many Ingresses, each with a host, two paths and a Service of its own; made without manifests, for time.</summary>
    public void AddMany(int count)
    {
        var ingresses = ImmutableDictionary.CreateBuilder<ObjectKey, IngressObject>();
        var services = ImmutableDictionary.CreateBuilder<ObjectKey, Service>();
        var slices = ImmutableDictionary.CreateBuilder<ObjectKey, EndpointSlice>();
        for (var i = 0; i < count; i++)
        {
            var backend = new IngressBackend { Service = new IngressServiceBackend { Name = $"service-{i}", Port = new ServiceBackendPort { Number = 80 } } };
            var rule = new IngressRule
            {
                Host = $"host-{i}.example",
                Http = new IngressHttp
                {
                    Paths = [new IngressPath { Path = "/a", PathType = "Prefix", Backend = backend }, new IngressPath { Path = "/b", PathType = "Exact", Backend = backend }],
                },
            };
            var metadata = new ObjectMeta { Namespace = "default", Name = $"ingress-{i}", CreationTimestamp = s_begin };
            ingresses.Add(new ObjectKey("default", metadata.Name), new IngressObject { Metadata = metadata, Spec = new IngressSpec { Rules = [rule] } });
            services.Add(new ObjectKey("default", $"service-{i}"), new Service { Metadata = new() { Namespace = "default", Name = $"service-{i}" }, Spec = new ServiceSpec { Ports = [new ServicePort { Name = "http", Port = 80 }] } });
            slices.Add(new ObjectKey("default", $"service-{i}-1"), Slice($"service-{i}", "10.32.0.5", "10.32.0.6"));
        }

        Inputs = Inputs with { Ingresses = ingresses.ToImmutable(), Services = services.ToImmutable(), EndpointSlices = slices.ToImmutable() };
    }

    public Cluster Without(string service)
    {
        Inputs = Inputs with { Services = Inputs.Services.Remove(new ObjectKey("default", service)) };
        return this;
    }

    /// <summary>Gives a Service these endpoints, all ready.</summary>
    public Cluster WithEndpoints(string service, params string[] addresses)
    {
        Inputs = Inputs with { EndpointSlices = Inputs.EndpointSlices.SetItem(new ObjectKey("default", service + "-1"), Slice(service, addresses)) };
        return this;
    }

    /// <summary>What happens to a GET from 198.51.100.7 by plain HTTP.</summary>
    public RouteDecision Get(string url, string from = "198.51.100.7", string method = "GET", long? length = null)
    {
        var uri = url.StartsWith("http", StringComparison.Ordinal) ? url : "http://" + url;
        var https = uri.StartsWith("https:", StringComparison.Ordinal);
        var rest = uri[(uri.IndexOf("//", StringComparison.Ordinal) + 2)..];
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var host = slash < 0 ? rest : rest[..slash];
        Assert.True(RequestTarget.TryParse(slash < 0 ? "/" : rest[slash..], out var target));
        return RequestRouter.Decide(Compile(), new RouteRequest(https, host, host, target.Value, method, IPAddress.Parse(from), length));
    }

    /// <summary>An Ingress in one line each: <c>host/path[=Exact] service:port</c>; a line without a host begins with a slash.</summary>
    public static string Rules(string name, string rules, params string[] annotations)
    {
        var text = $"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n  namespace: default\n";
        if (annotations.Length > 0)
        {
            text += "  annotations:\n" + string.Concat(annotations.Select(a => a.Split(": ", 2) is [var key, var value] ? $"    nginx.ingress.kubernetes.io/{key}: '{value}'\n" : ""));
        }

        text += "spec:\n  rules:\n";
        foreach (var line in rules.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var words = line.Split(' ');
            var slash = words[0].IndexOf('/', StringComparison.Ordinal);
            var (host, path) = (words[0][..slash], words[0][slash..]);
            var type = path.EndsWith("=Exact", StringComparison.Ordinal) ? "Exact" : path.EndsWith("=Specific", StringComparison.Ordinal) ? "ImplementationSpecific" : "Prefix";
            path = type == "Prefix" ? path : path[..path.LastIndexOf('=')];
            var service = words[1].Split(':');
            var port = char.IsAsciiDigit(service[1][0]) ? $"{{number: {service[1]}}}" : $"{{name: {service[1]}}}";
            text += host.Length > 0 ? $"  - host: '{host}'\n    http:\n" : "  - http:\n";
            text += $"      paths:\n      - {{path: '{path}', pathType: {type}, backend: {{service: {{name: {service[0]}, port: {port}}}}}}}\n";
        }

        return text;
    }

    private static EndpointSlice Slice(string service, params string[] addresses) => new()
    {
        Metadata = new() { Name = service + "-1", Namespace = "default", Labels = EquatableMap.Of(("kubernetes.io/service-name", service)) },
        AddressType = "IPv4",
        Ports = [new EndpointPort { Name = "http", Port = 8080 }],
        Endpoints = addresses.Select(a => new Endpoint { Addresses = [a] }).ToEquatableArray(),
    };

    private Cluster AddMissingServices()
    {
        var backends = Inputs.Ingresses.Values
            .SelectMany(i => i.Spec.Rules.SelectMany(r => r.Http?.Paths ?? []).Select(p => p.Backend).Append(i.Spec.DefaultBackend))
            .Select(b => b?.Service?.Name)
            .OfType<string>()
            .ToHashSet(StringComparer.Ordinal);
        foreach (var name in backends.Where(b => !Inputs.Services.ContainsKey(new ObjectKey("default", b))).Order(StringComparer.Ordinal))
        {
            Add($"""
                apiVersion: v1
                kind: Service
                metadata: {"{"}name: {name}, namespace: default{"}"}
                spec: {"{"}type: ClusterIP, clusterIP: 10.96.0.9, ports: [{"{"}name: http, port: 80{"}"}]{"}"}
                """);
            WithEndpoints(name, "10.32.0.5", "10.32.0.6");
        }

        return this;
    }

    private ObjectMeta Aged(ObjectMeta metadata) => metadata with { CreationTimestamp = metadata.CreationTimestamp ?? s_begin.AddMinutes(_age++) };

    private static ObjectKey Key(IKubeObject item) => new(item.Metadata.Namespace, item.Metadata.Name);
}
