using Fairlead.ApiServer.Json;

namespace Fairlead.Tests.ApiServer;

/// <summary>The stock kubectl, against a server in this process.</summary>
public sealed class KubectlTests : IClassFixture<TestServer>, IAsyncLifetime
{
    private static int s_count;
    private readonly TestServer _server;
    private readonly string _namespace = $"k{Interlocked.Increment(ref s_count)}";

    public KubectlTests(TestServer server)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/kubectl") || File.Exists("/usr/local/bin/kubectl"), "this machine has no kubectl");
        _server = server;
    }

    public async ValueTask InitializeAsync() => await _server.CreateAsync("/api/v1/namespaces", $$$"""{"metadata":{"name":"{{{_namespace}}}"}}""");

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Knows_what_there_is()
    {
        var resources = await _server.KubectlOkAsync("api-resources --no-headers");

        Assert.Matches("(?m)^deployments +deploy +apps/v1 +true +Deployment$", resources);
        Assert.Matches("(?m)^ingresses +ing +networking.k8s.io/v1 +true +Ingress$", resources);
        Assert.Contains("discovery.k8s.io/v1", await _server.KubectlOkAsync("api-versions"), StringComparison.Ordinal);
        Assert.Contains("+fairlead", await _server.KubectlOkAsync("version"), StringComparison.Ordinal);
        Assert.Contains("Kubernetes control plane", await _server.KubectlOkAsync("cluster-info"), StringComparison.Ordinal);
        Assert.Equal("ok", await _server.KubectlOkAsync("get --raw /readyz"));
    }

    [Fact]
    public async Task Explains_fields()
    {
        Assert.Contains("imagePullPolicy\t<string>", await _server.KubectlOkAsync("explain pod.spec.containers"), StringComparison.Ordinal);
        Assert.Contains("enum: Exact, ImplementationSpecific, Prefix", await _server.KubectlOkAsync("explain ingress.spec.rules.http.paths"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Creates_each_kind_by_its_own_command()
    {
        await OkAsync("create cm c --from-literal=a=b");
        await OkAsync("create sa s");
        await OkAsync("create secret generic g --from-literal=p=q");
        await OkAsync("create deploy d --image=nginx:1.25 --replicas=2 --port=80");
        await OkAsync("create svc clusterip v --tcp=80:8080");
        await OkAsync("create svc nodeport n --tcp=80:8080");
        await OkAsync("create svc externalname e --external-name=example.com");
        await OkAsync("create ing i --rule=example.com/path*=v:80 --class=nginx");
        await OkAsync("create role r --verb=get,list --resource=pods");
        await OkAsync("create rolebinding b --role=r --serviceaccount=default:s");
        await OkAsync("expose deploy d --port=80 --type=NodePort");

        Assert.Contains("yes", await OkAsync("auth can-i list pods"), StringComparison.Ordinal);
        Assert.Contains("system:masters", await _server.KubectlOkAsync("auth whoami"), StringComparison.Ordinal);
        Assert.Equal(2, (await OkAsync("create token s")).Count(c => c == '.'));
        Assert.Equal("cWRk", (await OkAsync("create secret generic g2 --from-literal=p=qdd -o jsonpath={.data.p}")).Trim());
    }

    [Fact]
    public async Task Applies_the_same_twice_and_changes_what_differs()
    {
        const string first = """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: web}
            spec:
              replicas: 2
              selector: {matchLabels: {app: web}}
              template:
                metadata: {labels: {app: web}}
                spec:
                  containers:
                  - {name: a, image: "one", env: [{name: X, value: "1"}]}
                  - {name: b, image: "two"}
            """;

        var second = first.Replace("one", "three", StringComparison.Ordinal).Replace("""- {name: b, image: "two"}""", "", StringComparison.Ordinal);

        Assert.Contains("created", await OkAsync("apply -f -", first), StringComparison.Ordinal);
        Assert.Contains("unchanged", await OkAsync("apply -f -", first), StringComparison.Ordinal);
        Assert.Contains("configured", await OkAsync("apply -f -", second), StringComparison.Ordinal);
        Assert.Equal("a=three", await OkAsync("get deploy web -o jsonpath={range.spec.template.spec.containers[*]}{.name}={.image}{end}"));
        Assert.Equal("", await OkAsync("diff -f -", second));
    }

    [Fact]
    public async Task Applies_on_the_server_side()
    {
        const string map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ssa}\ndata: {a: one, b: two}\n";

        await OkAsync("apply --server-side -f -", map);
        await OkAsync("apply --server-side -f -", map.Replace(", b: two", "", StringComparison.Ordinal));
        var (exit, output) = await RunAsync("apply --server-side --field-manager=other -f -", map.Replace("one", "uno", StringComparison.Ordinal));

        Assert.Equal("{\"a\":\"one\"}", await OkAsync("get cm ssa -o jsonpath={.data}"));
        Assert.Equal(1, exit);
        Assert.Contains("conflict with \"kubectl\": .data.a", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Says_what_is_wrong_with_a_manifest()
    {
        var (exit, output) = await RunAsync("apply -f -", "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: bad}\nspec: {backend: {serviceName: a, servicePort: 80}}\n");
        var (_, create) = await RunAsync("create -f -", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: bad}\nspec: {replicas: two}\n");

        Assert.Equal(1, exit);
        Assert.Contains("Ingress in version \"v1\" cannot be handled as a Ingress: strict decoding error: unknown field \"spec.backend\"", output, StringComparison.Ordinal);
        Assert.Contains("json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32", create, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shows_tables()
    {
        await OkAsync("create deploy t --image=nginx:1.25");
        await OkAsync("create svc nodeport t --tcp=80:8080 --node-port=30123");
        await OkAsync("create ing t --rule=example.com/=t:80 --class=nginx");

        Assert.Matches("^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nt +0/1 +0 +0 +\\d+s +nginx +nginx:1.25 +app=t\n", await OkAsync("get deploy -o wide"));
        Assert.Matches("^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\\(S\\) +AGE\nt +NodePort +10\\.\\d+\\.\\d+\\.\\d+ +<none> +80:30123/TCP +\\d+s\n", await OkAsync("get svc"));
        Assert.Matches("^NAME +CLASS +HOSTS +ADDRESS +PORTS +AGE\nt +nginx +example.com +80 +\\d+s\n", await OkAsync("get ing"));
        Assert.Matches("NAMESPACE +NAME +TYPE", await _server.KubectlOkAsync("get svc -A"));
        Assert.Equal("deployment.apps/t\n", await OkAsync("get deploy -o name"));
        Assert.Contains("kind: Deployment", await OkAsync("get deploy t -o yaml"), StringComparison.Ordinal);
        Assert.Contains("\"kind\": \"List\"", await OkAsync("get deploy,svc -o json"), StringComparison.Ordinal);
        Assert.Matches("service/t", await OkAsync("get all"));
    }

    [Fact]
    public async Task Describes()
    {
        await OkAsync("create deploy d --image=nginx:1.25 --port=80");
        await OkAsync("expose deploy d --port=80");
        await OkAsync("create ing d --rule=example.com/=d:80");
        await OkAsync("run p --image=busybox");

        Assert.Contains("RollingUpdateStrategy:  25% max unavailable, 25% max surge", await OkAsync("describe deploy d"), StringComparison.Ordinal);
        Assert.Contains("TargetPort:", await OkAsync("describe svc d"), StringComparison.Ordinal);
        Assert.Contains("example.com", await OkAsync("describe ing d"), StringComparison.Ordinal);
        Assert.Contains("Service Account:  default", await OkAsync("describe pod p"), StringComparison.Ordinal);
        Assert.Contains("Status:       Active", await _server.KubectlOkAsync($"describe ns {_namespace}"), StringComparison.Ordinal);
        await OkAsync("describe cm,sa,secret,role,ep,endpointslice,netpol");
    }

    [Fact]
    public async Task Selects_labels_and_fields()
    {
        await OkAsync("run a --image=i --labels=tier=front");
        await OkAsync("run b --image=i --labels=tier=back");

        Assert.Equal("pod/a\n", await OkAsync("get pods -l tier=front -o name"));
        Assert.Equal("pod/b\n", await OkAsync("get pods -l tier!=front -o name"));
        Assert.Equal("pod/b\n", await OkAsync("get pods --field-selector metadata.name=b -o name"));
        Assert.Equal("pod/a\npod/b\n", await OkAsync("get pods --field-selector status.phase=Pending -o name"));
    }

    [Fact]
    public async Task Changes_labels_annotations_images_and_replicas()
    {
        await OkAsync("create deploy d --image=nginx:1.25");

        await OkAsync("label deploy d tier=front");
        await OkAsync("annotate deploy d note=hello");
        await OkAsync("set image deploy/d nginx=nginx:1.26");
        await OkAsync("scale deploy d --replicas=5");
        await OkAsync("rollout restart deploy d");
        await OkAsync("""patch deploy d -p "{\"spec\":{\"paused\":true}}" """);
        await OkAsync("""patch deploy d --type=json -p "[{\"op\":\"remove\",\"path\":\"/spec/paused\"}]" """);
        await OkAsync("label deploy d tier-");

        Assert.Equal("5 nginx:1.26 hello", await OkAsync("get deploy d -o jsonpath={.spec.replicas}{'\\x20'}{.spec.template.spec.containers[0].image}{'\\x20'}{.metadata.annotations.note}"));
        Assert.DoesNotContain("tier", await OkAsync("get deploy d --show-labels"), StringComparison.Ordinal);
        Assert.Contains("timed out", (await RunAsync("rollout status deploy d --timeout=1s")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Reads_logs()
    {
        await OkAsync("run p --image=i");
        await OkAsync($"create --raw /api/v1/namespaces/{_namespace}/pods/p/binding -f -", """{"apiVersion":"v1","kind":"Binding","metadata":{"name":"p"},"target":{"kind":"Node","name":"n1"}}""");

        Assert.Equal($"log of {_namespace}/p/p tail= previous=False follow=False\n", await OkAsync("logs p"));
        Assert.Equal($"log of {_namespace}/p/p tail=3 previous=True follow=True\n", await OkAsync("logs p -c p --tail=3 --previous -f"));
        Assert.Contains("container nope is not valid for pod p", (await RunAsync("logs p -c nope")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Deletes_and_waits()
    {
        await OkAsync("create deploy d --image=i");
        await OkAsync("create cm c");
        await OkAsync("run p --image=i");

        Assert.Contains("deployment.apps \"d\" deleted", await OkAsync("delete deploy d --timeout=20s"), StringComparison.Ordinal);
        Assert.Contains("configmap \"c\" deleted", await OkAsync("delete cm --all"), StringComparison.Ordinal);
        Assert.Contains("pod \"p\"", await OkAsync("delete pod p --grace-period=0 --force"), StringComparison.Ordinal);
        Assert.Contains("NotFound", (await RunAsync("get deploy d")).Out, StringComparison.Ordinal);
        Assert.Contains("", await OkAsync("wait --for=delete pod/p --timeout=1s"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Watches()
    {
        var watch = RunAsync("get cm -w --output-watch-events --request-timeout=3s");
        await OkAsync("create cm one");
        await OkAsync("label cm one a=b");
        await OkAsync("delete cm one");

        var (_, output) = await watch;

        Assert.Matches("(?s)DELETED +one", output);
    }

    [Fact]
    public async Task Runs_without_changing_anything()
    {
        await OkAsync("create deploy d --image=i --dry-run=server");

        Assert.Contains("NotFound", (await RunAsync("get deploy d")).Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Replaces_and_edits()
    {
        await OkAsync("create cm c --from-literal=a=b");
        var yaml = await OkAsync("get cm c -o yaml");

        await OkAsync("replace -f -", yaml.Replace("a: b", "a: c", StringComparison.Ordinal));
        var (exit, conflict) = await RunAsync("replace -f -", yaml.Replace("a: b", "a: d", StringComparison.Ordinal));

        Assert.Equal("c", await OkAsync("get cm c -o jsonpath={.data.a}"));
        Assert.Equal(1, exit);
        Assert.Contains("the object has been modified; please apply your changes to the latest version and try again", conflict, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Sees_events_in_both_forms()
    {
        await _server.CreateAsync($"/api/v1/namespaces/{_namespace}/events", $$$"""{"metadata":{"name":"e1"},"involvedObject":{"kind":"Pod","name":"p","namespace":"{{{_namespace}}}"},"reason":"Started","message":"it runs","type":"Normal","count":2,"lastTimestamp":"2030-01-01T00:00:00Z"}""");

        Assert.Matches("Normal +Started +pod/p +it runs", await OkAsync("get events"));
        Assert.Matches("Normal +Started +[Pp]od/p +it runs", await OkAsync("events"));
        var (_, seen) = await _server.SendAsync(HttpMethod.Get, $"/apis/events.k8s.io/v1/namespaces/{_namespace}/events/e1");
        Assert.Equal(("it runs", "p"), (seen.Text("note"), seen.Text("regarding", "name")));
    }

    private Task<string> OkAsync(string arguments, string? input = null) => _server.KubectlOkAsync($"-n {_namespace} {arguments}", input);

    private Task<(int Exit, string Out)> RunAsync(string arguments, string? input = null) => _server.KubectlAsync($"-n {_namespace} {arguments}", input);
}
