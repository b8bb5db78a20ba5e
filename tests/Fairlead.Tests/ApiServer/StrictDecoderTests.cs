using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Schema;

namespace Fairlead.Tests.ApiServer;

public sealed class StrictDecoderTests
{
    public static TheoryData<string, string, string> Refused => new()
    {
        { "Deployment", """{"spec":{"replicas":"two"}}""", "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32" },
        { "Deployment", """{"spec":{"replicas":1.5}}""", "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32" },
        { "Deployment", """{"spec":{"replicas":4294967296}}""", "json: cannot unmarshal number 4294967296 into Go struct field DeploymentSpec.spec.replicas of type int32" },
        { "Deployment", """{"spec":{"template":{"spec":{"containers":[{"env":[{"name":"A","value":1}]}]}}}}""", "json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string" },
        { "Deployment", """{"spec":{"template":{"spec":{"containers":{}}}}}""", "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container" },
        { "Deployment", """{"metadata":{"labels":{"a":true}}}""", "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string" },
        { "Deployment", """{"spec":{"template":{"spec":{"containers":[{"resources":{"limits":{"cpu":"much"}}}]}}}}""", "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'" },
        { "Deployment", """{"metadata":{"creationTimestamp":"yesterday"}}""", "parsing time \"yesterday\" as \"2006-01-02T15:04:05Z07:00\": cannot parse \"yesterday\" as \"2006\"" },
    };

    public static TheoryData<string, string, string> Unknown => new()
    {
        { "networking.Ingress", """{"spec":{"backend":{}}}""", "spec.backend" },
        { "apps.Deployment", """{"spec":{"template":{"spec":{"containers":[{},{"imagee":"x"}]}}}}""", "spec.template.spec.containers[1].imagee" },
        { "core.Service", """{"spec":{"ports":[{"targetport":1}],"foo":1},"bar":2}""", "spec.ports[0].targetport,spec.foo,bar" },
    };

    [Theory, MemberData(nameof(Refused))]
    public void A_value_of_a_wrong_type_is_refused_in_the_words_of_Kubernetes(string kind, string json, string message)
    {
        var error = Assert.Throws<DecodeException>(() => Decode($"apps.{kind}", json));

        Assert.Equal(message, error.Message);
    }

    [Theory, MemberData(nameof(Unknown))]
    public void Unknown_fields_are_reported_with_their_path_and_removed(string kind, string json, string paths)
    {
        var value = JsonNodes.ParseObject(System.Text.Encoding.UTF8.GetBytes(json));

        var unknown = StrictDecoder.Decode(KubeSchema.Type(kind), value);

        Assert.Equal(paths, string.Join(',', unknown));
        Assert.DoesNotContain("backend", value.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Zero_values_go_where_they_cannot_be_told_from_absent_ones_and_stay_where_they_can()
    {
        var value = JsonNodes.ParseObject("""{"spec":{"replicas":0,"paused":false,"minReadySeconds":0,"template":{"spec":{"hostNetwork":false,"shareProcessNamespace":false,"nodeName":""}}},"status":null}"""u8);

        StrictDecoder.Decode(KubeSchema.Type("apps.Deployment"), value);

        Assert.Equal("""{"spec":{"replicas":0,"template":{"spec":{"shareProcessNamespace":false}}}}""", value.ToJsonString());
    }

    [Fact]
    public void Bytes_must_be_base64()
    {
        var error = Assert.Throws<DecodeException>(() => Decode("core.Secret", """{"data":{"a":"not base64!"}}"""));

        Assert.StartsWith("illegal base64 data at input byte", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_field_given_twice_is_found()
    {
        var duplicates = new List<string>();

        JsonBody.Parse("""{"spec":{"a":1,"b":[{"c":1,"c":2}],"a":2}}"""u8, duplicates);

        Assert.Equal(["spec.b[0].c", "spec.a"], duplicates);
    }

    [Fact]
    public void Every_type_of_the_schema_has_distinct_fields_and_numbers()
    {
        Assert.All(KubeSchema.Types.Values, type =>
        {
            Assert.Equal(type.Fields.Length, type.Fields.Select(f => f.Name).Distinct(StringComparer.Ordinal).Count());
            var numbers = type.Fields.Where(f => f.Number != default).Select(f => f.Number).ToList();
            Assert.Equal(numbers.Count, numbers.Distinct().Count());
        });
    }

    [Fact]
    public void A_merge_key_is_a_field_of_the_items()
    {
        foreach (var field in KubeSchema.Types.Values.SelectMany(t => t.Fields).Where(f => f.PatchMergeKey is not null || !f.ListMapKeys.IsEmpty))
        {
            var item = Assert.IsType<ObjectType>(Assert.IsType<ListType>(field.Type).Item).Type;
            Assert.All(field.ListMapKeys.Append(field.PatchMergeKey).OfType<string>(), key => Assert.NotNull(item.Find(key)));
        }
    }

    [Fact]
    public void Defaults_are_filled_in_where_the_object_around_them_is_there()
    {
        var value = JsonNodes.ParseObject("""{"spec":{"template":{"spec":{"containers":[{"name":"a","ports":[{"containerPort":80}],"livenessProbe":{"httpGet":{"port":80}}}]}}}}"""u8);

        Defaults.Apply(KubeSchema.Type("apps.Deployment"), value);

        Assert.Equal("TCP", value["spec"]!["template"]!["spec"]!["containers"]![0]!["ports"]![0].Text("protocol"));
        Assert.Equal("HTTP", value["spec"]!["template"]!["spec"]!["containers"]![0]!["livenessProbe"].Text("httpGet", "scheme"));
        Assert.Equal(1, value.Number("spec", "replicas"));
        Assert.Equal("RollingUpdate", value.Text("spec", "strategy", "type"));
    }

    private static JsonObject Decode(string type, string json)
    {
        var value = JsonNodes.ParseObject(System.Text.Encoding.UTF8.GetBytes(json));
        StrictDecoder.Decode(KubeSchema.Type(type), value);
        return value;
    }
}
