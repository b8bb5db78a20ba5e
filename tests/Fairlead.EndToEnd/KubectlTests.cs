using System.Text.Json;
using Fairlead.EndToEnd.Fixtures;

namespace Fairlead.EndToEnd;

/// <summary>Stock kubectl against a lab: what people type every day.</summary>
public sealed class KubectlTests(RunningLab lab) : IClassFixture<RunningLab>
{
    private TestHost Host => lab.Host;

    public static TheoryData<string, string> Answers => new()
    {
        { "kubectl get nodes", @"node3\s+Ready" },
        { "kubectl get nodes -o wide", @"INTERNAL-IP" },
        { "kubectl get ns", @"kube-system\s+Active" },
        { "kubectl get pods -A", @"kube-system\s+coredns-\S+\s+1/1\s+Running\s+0" },
        { "kubectl get pods -A -o wide", @"10\.3\d\.\d+\.\d+\s+node" },
        { "kubectl get pods -n app-space -l app=wear -o name", @"^pod/" },
        { "kubectl get svc -n app-space", @"wear-service\s+ClusterIP\s+10\.\d+\.\d+\.\d+\s+<none>\s+8282/TCP" },
        { "kubectl get svc kubernetes", @"10\.96\.0\.1\s+<none>\s+443/TCP" },
        { "kubectl get svc -n kube-system kube-dns", @"10\.96\.0\.10\s+<none>\s+53/UDP,53/TCP" },
        { "kubectl get endpointslices -n app-space", @"wear-service-\S+\s+IPv4\s+8080" },
        { "kubectl get deploy,rs -n app-space", @"deployment\.apps/\S+\s+2/2\s+2\s+2" },
        { "kubectl get ds -A", @"No resources found|NAMESPACE" },
        { "kubectl get ing -n app-space", @"ingress-wear-watch\s+nginx\s+\*" },
        { "kubectl get ingressclass", @"nginx\s+k8s\.io/ingress-nginx" },
        { "kubectl get cm coredns -n kube-system -o yaml", @"kubernetes cluster\.local" },
        { "kubectl get sa -n kube-system", @"coredns" },
        { "kubectl get roles,rolebindings -n fairlead-ingress", @"fairlead-ingress" },
        { "kubectl get clusterroles system:coredns", @"system:coredns" },
        { "kubectl get secrets -A", @"No resources found|NAMESPACE" },
        { "kubectl get leases -n kube-node-lease", @"node1" },
        { "kubectl get events -A", @"Scheduled|Started" },
        { "kubectl get pod -n kube-system -l k8s-app=kube-dns -o json", "\"kind\": \"List\"" },
        { "kubectl describe node node1", @"PodCIDR:\s+10\.32\." },
        { "kubectl describe svc -n app-space wear-service", @"Endpoints:\s+10\." },
        { "kubectl describe ing -n app-space ingress-wear-watch", @"/wear\s+wear-service:8282 \(10\." },
        { "kubectl describe pod -n app-space -l app=wear", @"Ready\s+True" },
        { "kubectl describe deploy -n app-space", @"2 desired \| 2 updated \| 2 total \| 2 available" },
        { "kubectl api-resources", @"ingresses\s+ing\s+networking\.k8s\.io/v1\s+true\s+Ingress" },
        { "kubectl api-versions", @"discovery\.k8s\.io/v1" },
        { "kubectl version", @"Server Version: v1\." },
        { "kubectl explain ingress.spec.rules", @"http" },
        { "kubectl logs -n kube-system -l k8s-app=kube-dns", @"\.:53" },
        { "kubectl auth can-i create pods", @"yes" },
    };

    [Theory, MemberData(nameof(Answers))]
    public async Task Answers_as_expected(string commandLine, string pattern)
    {
        var answer = await Host.Sh(commandLine);

        Assert.Matches($"(?m){pattern}", answer.Ok() + answer.Error);
    }

    [Fact]
    public async Task Creates_exposes_scales_labels_and_deletes()
    {
        (await Host.Sh("kubectl create ns ops")).Ok();
        (await Host.Sh("kubectl -n ops create cm settings --from-literal=a=b")).Ok();
        (await Host.Sh("kubectl -n ops create sa robot")).Ok();
        (await Host.Sh("kubectl -n ops create deploy web --image=fairlead/http --replicas=1")).Ok();
        (await Host.Sh("kubectl -n ops expose deploy web --port=80 --target-port=8080")).Ok();
        (await Host.Sh("kubectl -n ops create svc clusterip other --tcp=80:8080")).Ok();
        (await Host.Sh("kubectl -n ops create ing site --rule='ops.example/*=web:80'")).Ok();
        (await Host.Sh("kubectl -n ops rollout status deploy/web --timeout=60s")).Ok();
        (await Host.Sh("kubectl -n ops scale deploy/web --replicas=3")).Ok();
        (await Host.Sh("kubectl -n ops rollout status deploy/web --timeout=60s")).Ok();
        Assert.Contains("3/3", (await Host.Sh("kubectl -n ops get deploy web")).Ok(), StringComparison.Ordinal);
        (await Host.Sh("kubectl -n ops label deploy web tier=front")).Ok();
        Assert.Contains("web", (await Host.Sh("kubectl -n ops get deploy -l tier=front -o name")).Ok(), StringComparison.Ordinal);
        (await Host.Sh("kubectl delete ns ops --timeout=60s")).Ok();
        Assert.Contains("NotFound", (await Host.Sh("kubectl get ns ops")).Failed(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Applies_again_with_only_what_changed()
    {
        (await Host.Sh("kubectl create ns again")).Ok();
        const string Manifest = """
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: c, namespace: again}
            data: {a: "1", b: "2"}
            """;
        Assert.Contains("created", (await Host.Sh("kubectl apply -f -", Manifest)).Ok(), StringComparison.Ordinal);
        Assert.Contains("unchanged", (await Host.Sh("kubectl apply -f -", Manifest)).Ok(), StringComparison.Ordinal);
        Assert.Contains("configured", (await Host.Sh("kubectl apply -f -", Manifest.Replace("""a: "1", """, "", StringComparison.Ordinal))).Ok(), StringComparison.Ordinal);

        var data = JsonDocument.Parse((await Host.Sh("kubectl -n again get cm c -o json")).Ok()).RootElement.GetProperty("data");
        Assert.Equal("""{"b":"2"}""", JsonSerializer.Serialize(data));
    }

    [Fact]
    public async Task Watches_until_told_otherwise()
    {
        using var watch = Host.Start("timeout 20 kubectl get pods -w -o name");
        (await Host.Sh("kubectl run seen --image=fairlead/http --restart=Never")).Ok();

        string? line;
        while ((line = await watch.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken)) is not null && line != "pod/seen")
        {
        }

        watch.Kill(entireProcessTree: true);
        Assert.Equal("pod/seen", line);
        (await Host.Sh("kubectl delete pod seen --wait=false")).Ok();
    }

    public static TheoryData<string, string, string> Wrong => new()
    {
        { "spec.backend is not of this version (the note's mistake)", "kubectl apply -f examples/online-store/mistakes/1-backend-field.yaml", "unknown field \"spec.backend\"" },
        { "a rule at the wrong depth (the note's mistake)", "kubectl apply -f examples/online-store/mistakes/2-indentation.yaml", "error" },
        { "a path without its type", "printf 'apiVersion: networking.k8s.io/v1\\nkind: Ingress\\nmetadata: {name: i}\\nspec: {rules: [{http: {paths: [{path: /, backend: {service: {name: s, port: {number: 1}}}}]}}]}\\n' | kubectl apply -f -", "spec.rules[0].http.paths[0].pathType: Required value" },
        { "a name that is none", "kubectl create cm Wrong_Name", "a lowercase RFC 1123 subdomain" },
        { "a namespace that is not there", "kubectl -n nowhere create cm x", "namespaces \"nowhere\" not found" },
        { "a NodePort that is taken", "kubectl create svc nodeport n --tcp=80 --node-port=30080", "provided port is already allocated" },
        { "a kind that is none", "printf 'apiVersion: v1\\nkind: Nothing\\nmetadata: {name: i}\\n' | kubectl apply -f -", "no matches for kind \"Nothing\"" },
    };

    [Theory, MemberData(nameof(Wrong))]
    public async Task A_wrong_request_is_refused_as_Kubernetes_does(string because, string commandLine, string expected)
    {
        var said = (await Host.Sh(commandLine)).Failed();

        Assert.True(said.Contains(expected, StringComparison.Ordinal), $"{because}: {said}");
    }

    [Fact]
    public async Task A_Service_that_is_not_there_is_told_by_the_Ingress()
    {
        (await Host.Sh("kubectl apply -f examples/online-store/mistakes/3-service-name.yaml")).Ok();
        // The watch ends with the Event; without one it ends by its time limit, and fails.
        var events = (await Host.Sh("timeout 20 kubectl get events -n app-space -w | grep -m 1 movie-service")).Ok();
        Assert.Contains("ingress-wear-watch-mistaken", events, StringComparison.Ordinal);
        Assert.Equal("503", (await Host.Sh($"curl -sS --max-time 5 -o /dev/null -w '%{{http_code}}' -H 'Host: mistaken.my-online-store.com' http://{lab.NodeAddress(1)}:30080/watch")).Ok());
        (await Host.Sh("kubectl delete -f examples/online-store/mistakes/3-service-name.yaml")).Ok();
    }

    [Fact]
    public async Task An_image_that_the_lab_cannot_run_says_what_it_can()
    {
        (await Host.Sh("kubectl run foreign --image=nginx")).Ok();
        (await Host.Sh("kubectl wait pod/foreign --for=jsonpath='{.status.containerStatuses[0].state.waiting.reason}' --timeout=20s")).Ok();

        var described = (await Host.Sh("kubectl describe pod foreign")).Ok();
        Assert.Matches("ErrImagePull|ImagePullBackOff", described);
        Assert.Contains("fairlead/http", described, StringComparison.Ordinal);
        (await Host.Sh("kubectl delete pod foreign")).Ok();
    }
}
