using System.Reflection;
using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;

namespace Fairlead.Tests.Kube;

public sealed class KubeJsonTests
{
    private const string PodJson = """
        {"apiVersion":"v1","kind":"Pod",
         "metadata":{"name":"web","namespace":"shop","uid":"u1","resourceVersion":"7","labels":{"app":"web"},"creationTimestamp":"2026-01-02T03:04:05Z","managedFields":[{"manager":"x"}]},
         "spec":{"nodeName":"n1","hostNetwork":true,"topologySpreadConstraints":[{"maxSkew":1}],
           "containers":[{"name":"c","image":"fairlead/http","ports":[{"name":"http","containerPort":8080}],"resources":{"limits":{"cpu":1,"memory":"64Mi"}},
             "readinessProbe":{"httpGet":{"path":"/ok","port":"http"}},"env":[{"name":"A","value":""}],"volumeDevices":[{"name":"d"}]}],
           "volumes":[{"name":"t","emptyDir":{}},{"name":"n","nfs":{"server":"s"}}]},
         "status":{"phase":"Running","podIP":"10.32.0.5","podIPs":[{"ip":"10.32.0.5"}],
           "containerStatuses":[{"name":"c","image":"i","imageID":"","ready":false,"restartCount":0,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}}
        """;

    [Fact]
    public void A_pod_is_read_with_the_names_of_the_API()
    {
        var pod = KubeJson.Deserialize<Pod>(PodJson);

        Assert.Equal(new ObjectKey("shop", "web"), pod.Key);
        Assert.Equal(new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), pod.Metadata.CreationTimestamp);
        Assert.Equal(8080, pod.Spec.Containers[0].Ports[0].Port);
        Assert.Equal("1", pod.Spec.Containers[0].Resources!.Limits["cpu"]);
        Assert.Equal(new IntOrString("http"), pod.Spec.Containers[0].ReadinessProbe!.HttpGet!.Port);
        Assert.Equal("10.32.0.5", pod.Status.PodIP);
        Assert.NotNull(pod.Spec.Volumes[0].EmptyDir);
    }

    [Fact]
    public void What_a_user_wrote_in_a_pod_comes_back_whole()
    {
        var spec = JsonNode.Parse(PodJson)!["spec"]!;
        var written = KubeJson.ToNode(KubeJson.FromNode<PodSpec>(spec));

        spec["containers"]![0]!["resources"]!["limits"]!["cpu"] = "1";      // an amount is a text
        Assert.True(JsonNode.DeepEquals(spec, written), written.ToJsonString());
    }

    [Fact]
    public void Equal_objects_are_equal_with_their_unknown_fields()
    {
        var (one, two) = (KubeJson.Deserialize<Pod>(PodJson), KubeJson.Deserialize<Pod>(PodJson));

        Assert.Equal(one, two);
        Assert.NotEqual(one, two with { Spec = two.Spec with { NodeName = "n2" } });
        Assert.NotEqual(one.Spec, KubeJson.Deserialize<Pod>(PodJson.Replace("\"maxSkew\":1", "\"maxSkew\":2", StringComparison.Ordinal)).Spec);
    }

    [Fact]
    public void What_was_not_given_is_empty_and_not_written()
    {
        var pod = KubeJson.Deserialize<Pod>("""{"metadata":{"name":"a","namespace":null},"spec":null}""");

        Assert.Equal("", pod.Spec.NodeName);
        Assert.Equal("", pod.Metadata.Namespace);
        Assert.Empty(pod.Spec.Containers);
        Assert.Equal("", pod.Status.Phase);
        Assert.Equal("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}""", KubeJson.Serialize(pod));
    }

    [Fact]
    public void Fields_that_the_API_requires_are_written_even_when_empty()
    {
        var status = new ContainerStatus { Name = "c" };
        var slice = new EndpointSlice { AddressType = "IPv4", Ports = [new() { Name = "", Port = 80 }] };

        Assert.Equal("""{"name":"c","ready":false,"restartCount":0,"imageID":""}""", KubeJson.Serialize(status));
        Assert.Equal(
            """{"apiVersion":"discovery.k8s.io/v1","kind":"EndpointSlice","addressType":"IPv4","endpoints":[],"ports":[{"name":"","port":80}]}""",
            KubeJson.Serialize(slice));
    }

    [Fact]
    public void Zero_replicas_are_not_no_replicas()
    {
        Assert.Contains("\"replicas\":0", KubeJson.Serialize(new Deployment { Spec = new() { Replicas = 0 } }), StringComparison.Ordinal);
        Assert.Null(KubeJson.Deserialize<Deployment>("""{"spec":{}}""").Spec.Replicas);
    }

    [Fact]
    public void Leases_keep_microseconds_and_other_times_whole_seconds()
    {
        var time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, 678, TimeSpan.FromHours(1));

        Assert.Contains("2026-01-02T02:04:05.678000Z", KubeJson.Serialize(new Lease { Spec = new() { RenewTime = time } }), StringComparison.Ordinal);
        Assert.Contains("\"2026-01-02T02:04:05Z\"", KubeJson.Serialize(new Pod { Metadata = new() { CreationTimestamp = time } }), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_record_of_the_model_has_generated_code()
    {
        var records = typeof(Pod).Assembly.GetExportedTypes()
            .Where(t => t.Namespace == "Fairlead.Kube.Objects" && t.GetMethod("<Clone>$") is not null && !typeof(KubeResource).IsAssignableFrom(t));
        var properties = records.SelectMany(t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance)).Select(p => p.PropertyType)
            .Where(t => t.IsGenericType && t.GetGenericTypeDefinition() == typeof(EquatableArray<>));

        Assert.All(records, t => Assert.NotNull(KubeJson.Options.GetTypeInfo(t)));
        Assert.All(properties, t => Assert.NotNull(KubeJson.Options.GetTypeInfo(t)));
        Assert.All(properties, t => Assert.NotNull(KubeJson.Options.GetTypeInfo(t.GetGenericArguments()[0])));
    }
}
