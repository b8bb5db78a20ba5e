using Fairlead.EndToEnd.Fixtures;

namespace Fairlead.EndToEnd;

/// <summary>Stock kubectl against a lab: what people type once they know it well.</summary>
public sealed class KubectlMoreTests(RunningLab lab) : IClassFixture<RunningLab>
{
    private TestHost Host => lab.Host;

    public static TheoryData<string, string> Answers => new()
    {
        { "kubectl get pods -n app-space -l 'app in (wear,video),app!=video' --show-labels", @"wear-\S+\s+1/1\s+Running\s+0\s+\S+\s+app=wear,pod-template-hash=" },
        { "kubectl get pods -A --field-selector status.phase=Running,metadata.namespace=kube-system --no-headers", @"^kube-system\s+coredns-" },
        { "kubectl get nodes --sort-by=.metadata.name -o custom-columns=N:.metadata.name,R:.spec.podCIDR", @"node1\s+10\.32\.\d\.0/24\s+node2" },
        { "kubectl get nodes -o jsonpath='{range .items[*]}{.metadata.name}{\"\\n\"}{end}'", "^node1$" },
        { "kubectl get deploy,rs,svc,ing,cm,sa -n app-space -o name", "ingress.networking.k8s.io/ingress-wear-watch" },
        { "kubectl explain deployment.spec --recursive", @"maxSurge\s+<IntOrString>" },
        { "kubectl explain pod.spec.containers.resources", @"limits\s+<map\[string\]Quantity>" },
        { "kubectl api-resources --namespaced=false --verbs=list -o name", "^ingressclasses.networking.k8s.io$" },
        { "kubectl get endpoints kubernetes", @"v1 Endpoints is deprecated in v1\.33\+; use discovery\.k8s\.io/v1 EndpointSlice" },
        { "kubectl describe pod -n kube-system -l k8s-app=kube-dns", @"(?s)Priority:\s+2000000000.*/var/run/secrets/kubernetes\.io/serviceaccount from kube-api-access-\w{5} \(ro\)" },
        { "kubectl describe ns app-space", @"Status:\s+Active" },
        { "kubectl describe ingressclass nginx", @"Controller:\s+k8s\.io/ingress-nginx" },
        { "kubectl describe cm -n kube-system coredns", @"kubernetes cluster\.local" },
        { "kubectl events -n kube-system", "Scheduled" },
        { "kubectl auth whoami", @"Username\s+kubernetes-admin" },
        { "kubectl auth can-i get nodes --as=system:serviceaccount:default:default || true", "^no$" },
        { "kubectl get --raw '/readyz?verbose'", "readyz check passed" },
        { "kubectl cluster-info", "CoreDNS is running at" },
        { "kubectl create deploy x --image=fairlead/http --dry-run=server -o yaml", "progressDeadlineSeconds: 600" },
        { "kubectl get secret nothing --ignore-not-found; echo \"code $?\"", "^code 0$" },
    };

    [Theory, MemberData(nameof(Answers))]
    public async Task Answers_as_expected(string commandLine, string pattern)
    {
        var answer = await Host.Sh(commandLine);

        Assert.Matches($"(?m){pattern}", answer.Ok() + answer.Error);
    }

    public static TheoryData<string, string> Refused => new()
    {
        { "kubectl exec -n app-space deploy/wear -- ls", "pods/exec is not supported by this API server; let the container's own command do it and read its output with \"kubectl logs\"" },
        { "kubectl port-forward -n app-space deploy/wear 8080", "pods/portforward is not supported by this API server; expose the pod with a Service of type NodePort" },
        { "kubectl top nodes", "Metrics API not available" },
        { "kubectl rollout undo -n app-space deploy/wear --to-revision=9", "unable to find specified revision 9 in history" },
        { "kubectl scale -n app-space deploy/wear --replicas=1 --current-replicas=5", "Expected replicas to be 5, was 2" },
        { "kubectl logs -n app-space deploy/wear -c nope", "container nope is not valid for pod wear-" },
        { "kubectl create token nobody", "serviceaccounts \"nobody\" not found" },
        { "kubectl create token default --duration=1m", "spec.expirationSeconds: Invalid value: 60" },
        { "kubectl patch -n app-space deploy wear -p '{\"spec\":{\"selector\":{\"matchLabels\":{\"x\":\"y\"}}}}'", "field is immutable" },
        { "kubectl get nodes --as=bob", "User \"bob\" cannot list resource \"nodes\" in API group \"\" at the cluster scope" },
        { "printf 'apiVersion: apps/v1\\nkind: StatefulSet\\nmetadata: {name: s}\\n' | kubectl apply -f -", "no matches for kind \"StatefulSet\" in version \"apps/v1\"" },
    };

    [Theory, MemberData(nameof(Refused))]
    public async Task Is_refused_with_a_message_that_helps(string commandLine, string expected)
        => Assert.Contains(expected, (await Host.Sh(commandLine)).Failed(), StringComparison.Ordinal);

    [Fact]
    public async Task Rolls_out_and_back()
    {
        (await Host.Sh("kubectl create deploy roll --image=fairlead/http --replicas=2")).Ok();
        (await Host.Sh("kubectl annotate deploy roll kubernetes.io/change-cause=first")).Ok();
        (await Host.Sh("kubectl rollout status deploy/roll --timeout=60s")).Ok();
        (await Host.Sh("kubectl set image deploy/roll http=fairlead/http:v2")).Ok();
        (await Host.Sh("kubectl rollout status deploy/roll --timeout=60s")).Ok();
        (await Host.Sh("kubectl rollout undo deploy/roll")).Ok();
        (await Host.Sh("kubectl rollout status deploy/roll --timeout=60s")).Ok();

        Assert.Matches(@"(?m)^2 .*\n3\s+first", (await Host.Sh("kubectl rollout history deploy/roll")).Ok());
        Assert.Equal("fairlead/http", (await Host.Sh("kubectl get deploy roll -o jsonpath='{.spec.template.spec.containers[0].image}'")).Ok());
        (await Host.Sh("kubectl delete deploy roll --cascade=foreground --timeout=60s")).Ok();
        Assert.Empty((await Host.Sh("kubectl get rs,pods -l app=roll -o name")).Ok());
    }

    [Fact]
    public async Task Edits_patches_and_applies_on_the_server()
    {
        (await Host.Sh("kubectl create deploy change --image=fairlead/http --replicas=0")).Ok();
        (await Host.Sh("kubectl patch deploy change -p '{\"spec\":{\"template\":{\"spec\":{\"containers\":[{\"name\":\"http\",\"env\":[{\"name\":\"A\",\"value\":\"1\"}]}]}}}}'")).Ok();
        (await Host.Sh("kubectl patch deploy change --type=merge -p '{\"metadata\":{\"labels\":{\"x\":\"y\"}}}'")).Ok();
        (await Host.Sh("kubectl patch deploy change --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/revisionHistoryLimit\",\"value\":3}]'")).Ok();
        (await Host.Sh("KUBE_EDITOR='sed -i s/progressDeadlineSeconds:.*/progressDeadlineSeconds:\\ 77/' kubectl edit deploy change")).Ok();
        Assert.Equal("fairlead/http 1 y 3 77", (await Host.Sh(
            "kubectl get deploy change -o jsonpath='{.spec.template.spec.containers[0].image} {.spec.template.spec.containers[0].env[0].value} {.metadata.labels.x} {.spec.revisionHistoryLimit} {.spec.progressDeadlineSeconds}'")).Ok());

        const string Mine = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\ndata: {a: '1'}\n";
        (await Host.Sh("kubectl apply --server-side -f -", Mine)).Ok();
        var conflict = (await Host.Sh("kubectl apply --server-side --field-manager=other -f -", Mine.Replace("'1'", "'2'", StringComparison.Ordinal))).Failed();
        Assert.Contains("conflict with \"kubectl\": .data.a", conflict, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^\+\s+a: ""2""", (await Host.Sh("kubectl diff -f -; test $? = 1", Mine.Replace("'1'", "'2'", StringComparison.Ordinal))).Ok());
        (await Host.Sh("kubectl delete deploy change")).Ok();
    }

    [Fact]
    public async Task A_pod_that_is_not_root_reads_and_writes_the_volumes_of_its_group()
    {
        (await Host.Sh("kubectl create cm private --from-literal=key=readable")).Ok();
        const string Manifest = """
            apiVersion: v1
            kind: Pod
            metadata: {name: group}
            spec:
              restartPolicy: Never
              securityContext: {runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000}
              containers:
              - name: main
                image: any
                command: [sh, -c, 'cat /private/key; echo; touch /data/made && stat -c "%g %a" /data /data/made']
                volumeMounts: [{name: private, mountPath: /private}, {name: data, mountPath: /data}]
              volumes: [{name: private, configMap: {name: private, defaultMode: 0400}}, {name: data, emptyDir: {}}]
            """;
        (await Host.Sh("kubectl apply -f -", Manifest)).Ok();
        (await Host.Sh("kubectl wait pod/group --for=jsonpath='{.status.phase}'=Succeeded --timeout=60s; true")).Ok();

        Assert.Equal("readable\n3000 2777\n3000 644\n", (await Host.Sh("kubectl logs group")).Ok());
    }

    [Fact]
    public async Task A_program_that_is_not_there_was_never_started()
    {
        (await Host.Sh("kubectl run absent --image=any --restart=Never --command -- no-such-program")).Ok();
        (await Host.Sh("kubectl wait pod/absent --for=jsonpath='{.status.phase}'=Failed --timeout=60s")).Ok();
        var described = (await Host.Sh("kubectl describe pod absent")).Ok();

        Assert.Contains("StartError", described, StringComparison.Ordinal);
        Assert.Contains("no-such-program: not found in PATH", described, StringComparison.Ordinal);
        Assert.DoesNotContain("Started container", described, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Services_of_every_form_are_reached_by_name_from_a_pod()
    {
        const string Manifest = """
            apiVersion: v1
            kind: Pod
            metadata: {name: forms-server, labels: {app: forms}}
            spec:
              hostname: first
              subdomain: headless
              containers:
              - {name: server, image: fairlead/http, ports: [{name: web, containerPort: 8080}], readinessProbe: {httpGet: {path: /, port: web}}}
              - {name: itself, image: any, command: [sh, -c, 'until curl -sS -m3 -o /dev/null -w "itself %{http_code}\n" http://forms/ 2>/dev/null; do sleep 0.2; done; exec sleep 1d']}
              terminationGracePeriodSeconds: 1
            ---
            {apiVersion: v1, kind: Service, metadata: {name: forms}, spec: {selector: {app: forms}, ports: [{port: 80, targetPort: web}]}}
            ---
            {apiVersion: v1, kind: Service, metadata: {name: headless}, spec: {clusterIP: None, selector: {app: forms}, ports: [{name: web, port: 8080}]}}
            ---
            {apiVersion: v1, kind: Service, metadata: {name: alias}, spec: {type: ExternalName, externalName: forms.default.svc.cluster.local}}
            ---
            {apiVersion: v1, kind: Service, metadata: {name: empty}, spec: {selector: {app: nobody}, ports: [{port: 80}]}}
            """;
        (await Host.Sh("kubectl apply -f -", Manifest)).Ok();
        (await Host.Sh("kubectl wait pod/forms-server --for=condition=Ready --timeout=60s")).Ok();
        (await Host.Sh("timeout 20 kubectl logs -f forms-server -c itself | grep -m 1 'itself 200'")).Ok();

        const string Ask = "for u in forms forms.default forms.default.svc.cluster.local. alias headless:8080 first.headless:8080; do "
            + "curl -sS -m5 -o /dev/null -w '%{http_code} ' http://$u/; done; curl -s -m5 http://empty/; echo $?; "
            + "cd /var/run/secrets/kubernetes.io/serviceaccount; "
            + "curl -sS --cacert ca.crt -o /dev/null -w '%{http_code}' -H \"Authorization: Bearer $(cat token)\" https://kubernetes.default.svc/api/v1/pods";
        Assert.Equal("200 200 200 200 200 200 7\n403\n", await lab.InPod("forms-client", Ask, "node2"));
        (await Host.Sh("kubectl delete pod forms-server --wait=false")).Ok();
    }

    [Fact]
    public async Task A_node_is_emptied_and_taken_back()
    {
        (await Host.Sh("kubectl drain node3 --ignore-daemonsets --delete-emptydir-data --force --timeout=90s")).Ok();
        Assert.Matches(@"node3\s+Ready,SchedulingDisabled", (await Host.Sh("kubectl get nodes")).Ok());
        (await Host.Sh("kubectl uncordon node3")).Ok();
        (await Host.Sh("kubectl taint node node3 only=few:NoSchedule")).Ok();
        Assert.Matches(@"Taints:\s+only=few:NoSchedule", (await Host.Sh("kubectl describe node node3")).Ok());
        (await Host.Sh("kubectl taint node node3 only-")).Ok();
    }
}
