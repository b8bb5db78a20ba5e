using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.Tests.ApiServer;

/// <summary>What the server fills in, refuses and keeps, over its HTTP interface.</summary>
public sealed class AdmissionTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Core = "/api/v1/namespaces/default", Apps = "/apis/apps/v1/namespaces/default", Net = "/apis/networking.k8s.io/v1/namespaces/default";

    public static TheoryData<string, string, string, int, string> Refused => new()
    {
        { "unknown field", $"{Net}/ingresses?fieldValidation=Strict", """{"metadata":{"name":"x"},"spec":{"backend":{"serviceName":"a"}}}""", 400, "Ingress in version \"v1\" cannot be handled as a Ingress: strict decoding error: unknown field \"spec.backend\"" },
        { "path type", $"{Net}/ingresses", """{"metadata":{"name":"x"},"spec":{"rules":[{"http":{"paths":[{"path":"/","backend":{"service":{"name":"a","port":{"number":80}}}}]}}]}}""", 422, "Ingress.networking.k8s.io \"x\" is invalid: spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified" },
        { "relative path", $"{Net}/ingresses", """{"metadata":{"name":"x"},"spec":{"rules":[{"http":{"paths":[{"path":"a","pathType":"Prefix","backend":{"service":{"name":"a","port":{"number":80}}}}]}}]}}""", 422, "Ingress.networking.k8s.io \"x\" is invalid: spec.rules[0].http.paths[0].path: Invalid value: \"a\": must be an absolute path" },
        { "empty ingress", $"{Net}/ingresses", """{"metadata":{"name":"x"},"spec":{"ingressClassName":"c"}}""", 422, "Ingress.networking.k8s.io \"x\" is invalid: spec: Invalid value: {\"ingressClassName\":\"c\"}: either `defaultBackend` or `rules` must be specified" },
        { "no name", $"{Core}/configmaps", """{"data":{"a":"b"}}""", 422, "ConfigMap \"\" is invalid: metadata.name: Required value: name or generateName is required" },
        { "upper case", $"{Core}/services", """{"metadata":{"name":"Web"},"spec":{"ports":[{"port":80}]}}""", 422, "Service \"Web\" is invalid: metadata.name: Invalid value: \"Web\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')" },
        { "service type", $"{Core}/services", """{"metadata":{"name":"x"},"spec":{"type":"Foo","ports":[{"port":80}]}}""", 422, "Service \"x\" is invalid: spec.type: Unsupported value: \"Foo\": supported values: \"ClusterIP\", \"ExternalName\", \"LoadBalancer\", \"NodePort\"" },
        { "port range", $"{Core}/services", """{"metadata":{"name":"x"},"spec":{"ports":[{"port":70000}]}}""", 422, "Service \"x\" is invalid: [spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive, spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive]" },
        { "no ports", $"{Core}/services", """{"metadata":{"name":"x"},"spec":{}}""", 422, "Service \"x\" is invalid: spec.ports: Required value" },
        { "port names", $"{Core}/services", """{"metadata":{"name":"x"},"spec":{"ports":[{"port":80},{"port":81}]}}""", 422, "Service \"x\" is invalid: [spec.ports[0].name: Required value, spec.ports[1].name: Required value]" },
        { "node port range", $"{Core}/services", """{"metadata":{"name":"x"},"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":80}]}}""", 422, "Service \"x\" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767" },
        { "taken address", $"{Core}/services", """{"metadata":{"name":"x"},"spec":{"clusterIP":"10.96.0.1","ports":[{"port":80}]}}""", 422, "Service \"x\" is invalid: spec.clusterIPs: Invalid value: [\"10.96.0.1\"]: failed to allocate IP 10.96.0.1: provided IP is already allocated" },
        { "foreign address", $"{Core}/services", """{"metadata":{"name":"x"},"spec":{"clusterIP":"192.0.2.1","ports":[{"port":80}]}}""", 422, "Service \"x\" is invalid: spec.clusterIPs: Invalid value: [\"192.0.2.1\"]: failed to allocate IP 192.0.2.1: provided IP is not in the valid range. The range of valid IPs is 10.96.0.0/12" },
        { "selector", $"{Apps}/deployments", """{"metadata":{"name":"x"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"c"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}""", 422, "Deployment.apps \"x\" is invalid: spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels`" },
        { "no selector", $"{Apps}/deployments", """{"metadata":{"name":"x"},"spec":{"template":{"spec":{"containers":[{"name":"c","image":"i"}]}}}}""", 422, "Deployment.apps \"x\" is invalid: spec.selector: Required value" },
        { "no containers", $"{Core}/pods", """{"metadata":{"name":"x"},"spec":{"containers":[]}}""", 422, "Pod \"x\" is invalid: spec.containers: Required value" },
        { "no image", $"{Core}/pods", """{"metadata":{"name":"x"},"spec":{"containers":[{"name":"c"}]}}""", 422, "Pod \"x\" is invalid: spec.containers[0].image: Required value" },
        { "two of a name", $"{Core}/pods", """{"metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"i"},{"name":"c","image":"i"}]}}""", 422, "Pod \"x\" is invalid: spec.containers[1].name: Duplicate value: \"c\"" },
        { "no handler", $"{Core}/pods", """{"metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"i","livenessProbe":{}}]}}""", 422, "Pod \"x\" is invalid: spec.containers[0].livenessProbe: Required value: must specify a handler type" },
        { "account", $"{Core}/pods", """{"metadata":{"name":"x"},"spec":{"serviceAccountName":"ghost","containers":[{"name":"c","image":"i"}]}}""", 403, "pods \"x\" is forbidden: error looking up service account default/ghost: serviceaccount \"ghost\" not found" },
        { "no namespace", "/api/v1/namespaces/nope/configmaps", """{"metadata":{"name":"x"}}""", 404, "namespaces \"nope\" not found" },
        { "other namespace", $"{Core}/configmaps", """{"metadata":{"name":"x","namespace":"other"}}""", 400, "the namespace of the provided object does not match the namespace sent on the request" },
        { "other version", $"{Apps}/deployments", """{"apiVersion":"apps/v1beta1","metadata":{"name":"x"}}""", 400, "the API version in the data (apps/v1beta1) does not match the expected API version (apps/v1)" },
        { "label", $"{Core}/configmaps", """{"metadata":{"name":"x","labels":{"a b":"c"}}}""", 422, "ConfigMap \"x\" is invalid: metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')" },
        { "config key", $"{Core}/configmaps", """{"metadata":{"name":"x"},"data":{"a b":"c"}}""", 422, "ConfigMap \"x\" is invalid: data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')" },
        { "tls secret", $"{Core}/secrets", """{"metadata":{"name":"x"},"type":"kubernetes.io/tls","data":{"tls.crt":""}}""", 422, "Secret \"x\" is invalid: data[tls.key]: Required value" },
        { "cidr", $"{Net}/networkpolicies", """{"metadata":{"name":"x"},"spec":{"ingress":[{"from":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["11.0.0.0/9"]}}]}]}}""", 422, "NetworkPolicy.networking.k8s.io \"x\" is invalid: spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/9\": must be a strict subset of `cidr`" },
    };

    [Theory, MemberData(nameof(Refused))]
    public async Task Is_refused_in_the_words_of_Kubernetes(string because, string path, string body, int code, string message)
    {
        var (status, answer) = await server.SendAsync(HttpMethod.Post, path, body);

        Assert.True(code == status && message == answer.Text("message"), $"{because}: {status} {answer.Text("message")}");
        Assert.Equal("Status", answer.Text("kind"));
    }

    [Fact]
    public async Task A_refusal_lists_its_causes()
    {
        var (_, answer) = await server.SendAsync(HttpMethod.Post, $"{Core}/pods", """{"metadata":{"name":"x"},"spec":{"containers":[{"name":"c"}]}}""");

        Assert.Equal("Invalid", answer.Text("reason"));
        Assert.Equal("""[{"reason":"FieldValueRequired","message":"Required value","field":"spec.containers[0].image"}]""", answer!["details"]!["causes"]!.ToJsonString());
    }

    [Fact]
    public async Task A_pod_gets_its_defaults()
    {
        var pod = await server.CreateAsync($"{Core}/pods", """{"metadata":{"name":"defaults"},"spec":{"containers":[{"name":"c","image":"busybox"},{"name":"d","image":"a/b:1.2"}]}}""");

        Assert.Equal("Always", pod.Text("spec", "restartPolicy"));
        Assert.Equal("ClusterFirst", pod.Text("spec", "dnsPolicy"));
        Assert.Equal("default", pod.Text("spec", "serviceAccountName"));
        Assert.Equal(30, pod.Number("spec", "terminationGracePeriodSeconds"));
        Assert.Equal("Always", pod["spec"]!["containers"]![0].Text("imagePullPolicy"));
        Assert.Equal("IfNotPresent", pod["spec"]!["containers"]![1].Text("imagePullPolicy"));
        Assert.Equal("Pending", pod.Text("status", "phase"));
        Assert.Equal("BestEffort", pod.Text("status", "qosClass"));
        Assert.Equal(2, pod.Items("spec", "tolerations").Count());
    }

    [Fact]
    public async Task A_service_gets_an_address_above_the_static_band_and_node_ports_on_demand()
    {
        var service = await server.CreateAsync($"{Core}/services", """{"metadata":{"name":"ports"},"spec":{"type":"NodePort","ports":[{"name":"a","port":80},{"name":"b","port":81,"protocol":"UDP"}]}}""");

        var address = System.Net.IPAddress.Parse(service.Text("spec", "clusterIP")).GetAddressBytes();
        Assert.True((address[2] << 8) + address[3] > 256 || address[1] != 96);
        Assert.Equal(2, service.Items("spec", "ports").Select(p => p.Number("nodePort")!.Value).Distinct().Count(p => p is >= 30000 and <= 32767));
        Assert.Equal("Cluster", service.Text("spec", "externalTrafficPolicy"));
        Assert.Equal("SingleStack", service.Text("spec", "ipFamilyPolicy"));
        Assert.Equal(80, service["spec"]!["ports"]![0].Number("targetPort"));
    }

    [Fact]
    public async Task A_node_port_is_given_out_once_and_again_after_its_service_is_gone()
    {
        const string second = """{"metadata":{"name":"np2"},"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":31999}]}}""";
        await server.CreateAsync($"{Core}/services", """{"metadata":{"name":"np1"},"spec":{"type":"NodePort","ports":[{"port":80,"nodePort":31999}]}}""");

        var (refused, why) = await server.SendAsync(HttpMethod.Post, $"{Core}/services", second);
        await server.SendAsync(HttpMethod.Delete, $"{Core}/services/np1");
        var (accepted, _) = await server.SendAsync(HttpMethod.Post, $"{Core}/services", second);

        Assert.Equal((422, 201), (refused, accepted));
        Assert.Equal("Service \"np2\" is invalid: spec.ports[0].nodePort: Invalid value: 31999: provided port is already allocated", why.Text("message"));
    }

    [Fact]
    public async Task Many_services_at_once_never_share_an_address()
    {
        var services = await Task.WhenAll(Enumerable.Range(0, 60).Select(i => server.CreateAsync($"{Core}/services", $$$"""{"metadata":{"name":"many{{{i}}}"},"spec":{"ports":[{"port":80}]}}""")));

        Assert.Equal(60, services.Select(s => s.Text("spec", "clusterIP")).Distinct(StringComparer.Ordinal).Count());
    }

    [Fact]
    public async Task Many_appliers_of_one_new_object_at_once_all_succeed()
    {
        const string path = "/api/v1/namespaces/default/configmaps/together";
        const string body = """{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"together"},"data":{"a":"b"}}""";

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => server.SendAsync(HttpMethod.Patch, $"{path}?fieldManager=m{i}", body, "application/apply-patch+yaml")));

        Assert.Single(answers, a => a.Code == 201);
        Assert.Equal(39, answers.Count(a => a.Code == 200));
    }

    [Fact]
    public async Task A_headless_service_keeps_None_and_an_external_one_has_no_address()
    {
        var headless = await server.CreateAsync($"{Core}/services", """{"metadata":{"name":"headless"},"spec":{"clusterIP":"None","selector":{"a":"b"}}}""");
        var external = await server.CreateAsync($"{Core}/services", """{"metadata":{"name":"external"},"spec":{"type":"ExternalName","externalName":"example.com"}}""");

        Assert.Equal("None", headless.Text("spec", "clusterIP"));
        Assert.Equal("", external.Text("spec", "clusterIP"));
    }

    [Fact]
    public async Task The_generation_counts_changes_of_the_spec_only()
    {
        await server.CreateAsync($"{Apps}/deployments", Deployment("gen"));

        var (_, labelled) = await server.SendAsync(HttpMethod.Patch, $"{Apps}/deployments/gen", """{"metadata":{"labels":{"a":"b"}}}""", "application/merge-patch+json");
        var (_, scaled) = await server.SendAsync(HttpMethod.Patch, $"{Apps}/deployments/gen/scale", """{"spec":{"replicas":4}}""", "application/merge-patch+json");
        var (_, status) = await server.SendAsync(HttpMethod.Patch, $"{Apps}/deployments/gen/status", """{"status":{"replicas":4},"spec":{"replicas":9}}""", "application/merge-patch+json");

        Assert.Equal(1, labelled.Number("metadata", "generation"));
        Assert.Equal(4, scaled.Number("spec", "replicas"));
        Assert.Equal(2, status.Number("metadata", "generation"));
        Assert.Equal((4, 4), (status.Number("spec", "replicas"), status.Number("status", "replicas")));
    }

    [Fact]
    public async Task What_may_not_change_does_not()
    {
        await server.CreateAsync($"{Apps}/deployments", Deployment("fixed"));

        var (code, answer) = await server.SendAsync(HttpMethod.Patch, $"{Apps}/deployments/fixed", """{"spec":{"selector":{"matchLabels":{"new":"x"}},"template":{"metadata":{"labels":{"new":"x"}}}}}""", "application/merge-patch+json");

        Assert.Equal(422, code);
        Assert.EndsWith("field is immutable", answer.Text("message"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stale_version_is_a_conflict_and_an_update_without_change_no_new_version()
    {
        var first = await server.CreateAsync($"{Core}/configmaps", """{"metadata":{"name":"cas"},"data":{"a":"1"}}""");
        var stale = first.ToJsonString();
        var (_, same) = await server.SendAsync(HttpMethod.Put, $"{Core}/configmaps/cas", stale);
        first["data"]!["a"] = "2";

        var (updated, _) = await server.SendAsync(HttpMethod.Put, $"{Core}/configmaps/cas", first.ToJsonString());
        var (conflict, answer) = await server.SendAsync(HttpMethod.Put, $"{Core}/configmaps/cas", stale);

        Assert.Equal(first.Text("metadata", "resourceVersion"), same.Text("metadata", "resourceVersion"));
        Assert.Equal((200, 409), (updated, conflict));
        Assert.Equal("Operation cannot be fulfilled on configmaps \"cas\": the object has been modified; please apply your changes to the latest version and try again", answer.Text("message"));
    }

    [Fact]
    public async Task Names_are_made_from_a_prefix()
    {
        var made = await server.CreateAsync($"{Core}/configmaps", """{"metadata":{"generateName":"pre-"}}""");

        Assert.Matches("^pre-[bcdfghjklmnpqrstvwxz2456789]{5}$", made.Text("metadata", "name"));
    }

    [Fact]
    public async Task A_dry_run_leaves_nothing()
    {
        var (code, _) = await server.SendAsync(HttpMethod.Post, $"{Core}/configmaps?dryRun=All", """{"metadata":{"name":"dry"}}""");
        var (found, _) = await server.SendAsync(HttpMethod.Get, $"{Core}/configmaps/dry");

        Assert.Equal((201, 404), (code, found));
    }

    [Fact]
    public async Task An_ingress_without_a_class_gets_the_default_one()
    {
        await server.CreateAsync("/apis/networking.k8s.io/v1/ingressclasses", """{"metadata":{"name":"fairlead","annotations":{"ingressclass.kubernetes.io/is-default-class":"true"}},"spec":{"controller":"fairlead.dev/ingress"}}""");

        var plain = await server.CreateAsync($"{Net}/ingresses", """{"metadata":{"name":"plain"},"spec":{"defaultBackend":{"service":{"name":"a","port":{"number":80}}}}}""");
        var annotated = await server.CreateAsync($"{Net}/ingresses", """{"metadata":{"name":"old","annotations":{"kubernetes.io/ingress.class":"nginx"}},"spec":{"defaultBackend":{"service":{"name":"a","port":{"number":80}}}}}""");

        Assert.Equal("fairlead", plain.Text("spec", "ingressClassName"));
        Assert.Equal("", annotated.Text("spec", "ingressClassName"));
    }

    [Fact]
    public async Task Secret_texts_are_folded_into_its_data()
    {
        var secret = await server.CreateAsync($"{Core}/secrets", """{"metadata":{"name":"fold"},"stringData":{"a":"hello"}}""");

        Assert.Equal("aGVsbG8=", secret.Text("data", "a"));
        Assert.Null(secret["stringData"]);
        Assert.Equal("Opaque", secret.Text("type"));
    }

    private static string Deployment(string name)
        => $$$$$"""{"metadata":{"name":"{{{{{name}}}}}"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}""";

    [Fact]
    public async Task The_address_of_a_service_stays_and_one_field_is_enough_to_ask_for_another()
    {
        await server.CreateAsync($"{Core}/services", """{"metadata":{"name":"stays"},"spec":{"ports":[{"port":80}]}}""");

        var (code, answer) = await server.SendAsync(HttpMethod.Patch, $"{Core}/services/stays", """{"spec":{"clusterIP":"10.96.0.77"}}""", "application/merge-patch+json");

        Assert.Equal(422, code);
        Assert.Equal("Service \"stays\" is invalid: spec.clusterIPs[0]: Invalid value: [\"10.96.0.77\"]: may not change once set", answer.Text("message"));
    }
}
