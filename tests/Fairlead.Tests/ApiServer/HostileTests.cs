using System.Text;
using System.Text.Json;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Schema;

namespace Fairlead.Tests.ApiServer;

/// <summary>Requests that no honest client sends: each gets a Status that says so, and none an internal error.</summary>
public sealed class HostileTests(TestServer server) : IClassFixture<TestServer>
{
    private const string Maps = "/api/v1/namespaces/default/configmaps", Pods = "/api/v1/namespaces/default/pods";

    public static TheoryData<string, string, string, string?, string, int> Requests => new()
    {
        { "not JSON", "POST", Maps, "{", "application/json", 400 },
        { "nothing", "POST", Maps, "", "application/json", 400 },
        { "null", "POST", Maps, "null", "application/json", 400 },
        { "a list", "POST", Maps, "[]", "application/json", 400 },
        { "a string", "POST", Maps, "\"x\"", "application/json", 400 },
        { "more than one value", "POST", Maps, "{}{}", "application/json", 400 },
        { "a lone surrogate", "POST", Maps, """{"metadata":{"name":"\ud800"}}""", "application/json", 400 },
        { "metadata is a list", "POST", Maps, """{"metadata":[]}""", "application/json", 400 },
        { "a number beyond all", "POST", Pods, """{"spec":{"priority":1e999}}""", "application/json", 400 },
        { "an unknown type of body", "POST", Maps, "{}", "application/xml", 415 },
        { "YAML aliases", "POST", Maps, "a: &a [1]\nb: *a\n", "application/yaml", 400 },
        { "YAML that is none", "POST", Maps, "a: [", "application/yaml", 400 },
        { "no protobuf", "POST", Maps, "k8s", "application/vnd.kubernetes.protobuf", 400 },
        { "cut protobuf", "POST", Maps, "k8s\0\n\u0001", "application/vnd.kubernetes.protobuf", 400 },
        { "an unknown patch", "PATCH", $"{Maps}/none", "{}", "application/json", 415 },
        { "a patch of nothing", "PATCH", $"{Maps}/none", "{}", "application/merge-patch+json", 404 },
        { "a list as merge patch", "PATCH", $"{Maps}/none", "[]", "application/merge-patch+json", 400 },
        { "an apply without manager", "PATCH", $"{Maps}/none", "{}", "application/apply-patch+yaml", 422 },
        { "an unknown dry run", "POST", $"{Maps}?dryRun=some", """{"metadata":{"name":"x"}}""", "application/json", 422 },
        { "an unknown validation", "POST", $"{Maps}?fieldValidation=loose", """{"metadata":{"name":"x"}}""", "application/json", 422 },
        { "a negative limit", "GET", $"{Maps}?limit=-1", null, "", 400 },
        { "a version that is no number", "GET", $"{Maps}?watch=1&resourceVersion=abc", null, "", 400 },
        { "a selector that is none", "GET", $"{Maps}?labelSelector=a%3Db%20c", null, "", 400 },
        { "an unknown field", "GET", $"{Maps}?fieldSelector=data.a%3D1", null, "", 400 },
        { "a token that is none", "GET", $"{Maps}?continue=!!", null, "", 400 },
        { "an unknown resource", "GET", "/api/v1/namespaces/default/gizmos", null, "", 404 },
        { "an unknown group", "GET", "/apis/example.com/v1/pods", null, "", 404 },
        { "an unknown subresource", "GET", $"{Pods}/p/nothing", null, "", 404 },
        { "an unknown path", "GET", "/nope", null, "", 404 },
        { "a path outside", "GET", "/api/v1/namespaces/default/pods/..%2f..%2fetc", null, "", 404 },
        { "too many parts", "GET", "/api/v1/namespaces/a/b/c/d/e/f", null, "", 404 },
        { "a post to an object", "POST", $"{Maps}/x", "{}", "application/json", 405 },
        { "a put to a list", "PUT", Maps, "{}", "application/json", 405 },
        { "a verb of one's own", "BREW", Maps, null, "", 405 },
        { "a delete of health", "DELETE", "/healthz", null, "", 405 },
        { "a negative scale", "PATCH", "/apis/apps/v1/namespaces/default/deployments/none/scale", """{"spec":{"replicas":-1}}""", "application/merge-patch+json", 404 },
    };

    [Theory, MemberData(nameof(Requests))]
    public async Task Gets_a_status(string because, string method, string path, string? body, string type, int expected)
    {
        var (code, answer) = await server.SendAsync(new HttpMethod(method), path, body, type);

        Assert.True(expected == code, $"{because}: {code} {answer?.ToJsonString()}");
        Assert.Equal("Failure", answer.Text("status"));
    }

    [Fact]
    public async Task A_body_beyond_the_limit_is_too_large()
    {
        var (code, answer) = await server.SendAsync(HttpMethod.Post, Maps, "{\"data\":{\"a\":\"" + new string('x', 4 << 20) + "\"}}");

        Assert.Equal((413, "RequestEntityTooLarge"), (code, answer.Text("reason")));
    }

    [Fact]
    public async Task A_body_nested_too_deeply_is_refused()
    {
        var (code, _) = await server.SendAsync(HttpMethod.Post, Maps, string.Concat(Enumerable.Repeat("{\"a\":", 5000)) + "1" + new string('}', 5000));

        Assert.Equal(400, code);
    }

    [Fact]
    public async Task A_client_that_reads_nothing_we_write_is_told()
    {
        var (code, answer) = await server.SendAsync(HttpMethod.Get, Maps, accept: "application/vnd.kubernetes.protobuf");

        Assert.Equal((406, "only the following media types are accepted: application/json"), (code, answer.Text("message")));
    }

    [Fact]
    public async Task Mutilated_objects_never_cause_an_internal_error()
    {
        var random = new Random(42);
        var seed = Encoding.UTF8.GetBytes("""{"apiVersion":"v1","kind":"Pod","metadata":{"name":"fuzz","labels":{"a":"b"},"finalizers":["x/y"],"ownerReferences":[{"apiVersion":"v1","kind":"A","name":"b","uid":"c"}]},"spec":{"volumes":[{"name":"v","emptyDir":{}}],"containers":[{"name":"c","image":"i","ports":[{"containerPort":80}],"env":[{"name":"A","valueFrom":{"fieldRef":{"fieldPath":"x"}}}],"resources":{"limits":{"cpu":"1"}},"volumeMounts":[{"name":"v","mountPath":"/v"}],"readinessProbe":{"httpGet":{"port":80}}}],"tolerations":[{"key":"a"}]}}""");
        ReadOnlyMemory<byte>[] pieces = [.. new[] { "null", "[]", "{}", "\"\"", "-1", "1.5", "true", "[null]", "{\"a\":null}" }.Select(p => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(p))];
        for (var round = 0; round < 400; round++)
        {
            var body = seed.ToList();
            for (var change = 0; change <= random.Next(3); change++)
            {
                Mutate(body, random, pieces);
            }

            var (code, answer) = await server.SendAsync(HttpMethod.Post, $"{Pods}?dryRun=All", [.. body], "application/json");
            Assert.True(code is 201 or (>= 400 and < 500), $"{code} {answer?.ToJsonString()} for {Encoding.UTF8.GetString([.. body])}");
        }
    }

    [Fact]
    public async Task Mutilated_patches_never_cause_an_internal_error()
    {
        await server.CreateAsync("/apis/apps/v1/namespaces/default/deployments", """{"metadata":{"name":"fuzz"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}""");
        var random = new Random(43);
        var seed = Encoding.UTF8.GetBytes("""{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"labels":{"$patch":"replace","a":"b"}},"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"c"}],"containers":[{"name":"c","$patch":"delete"},{"name":"d","image":"x","ports":[{"containerPort":1}]}]}},"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}""");
        ReadOnlyMemory<byte>[] pieces = [.. new[] { "null", "[]", "{}", "\"\"", "-1", "[null]", "[1]", "\"delete\"" }.Select(p => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(p))];
        foreach (var type in (string[])["application/strategic-merge-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"])
        {
            for (var round = 0; round < 150; round++)
            {
                var body = seed.ToList();
                Mutate(body, random, pieces);
                var (code, answer) = await server.SendAsync(HttpMethod.Patch, "/apis/apps/v1/namespaces/default/deployments/fuzz?dryRun=All&fieldManager=f", [.. body], type);
                Assert.True(code == 200 || code is >= 400 and < 500, $"{code} {answer?.ToJsonString()} for {Encoding.UTF8.GetString([.. body])}");
            }
        }
    }

    [Fact]
    public void Protobuf_from_chance_is_read_or_refused_and_nothing_else()
    {
        var random = new Random(44);
        for (var round = 0; round < 20_000; round++)
        {
            var bytes = new byte[random.Next(80)];
            random.NextBytes(bytes);
            byte[] body = [.. "k8s\0"u8, 0x12, (byte)bytes.Length, .. bytes];
            try
            {
                ProtobufDecoder.Decode(KubeSchema.Type("core.Pod"), body);
            }
            catch (Exception e) when (e is DecodeException or JsonException)
            {
                // The two ways to say no.
            }
        }
    }

    /// <summary>Flips a byte, cuts the end, or puts another value where one stands.</summary>
    private static void Mutate(List<byte> body, Random random, ReadOnlyMemory<byte>[] pieces)
    {
        var at = random.Next(body.Count);
        switch (random.Next(6))
        {
            case 0:
                body[at] = (byte)random.Next(256);
                break;
            case 1:
                body.RemoveRange(at, body.Count - at);
                break;
            default:
                var starts = Enumerable.Range(0, body.Count - 1).Where(i => body[i] == ':' || (body[i] == '[' && body[i + 1] == '{')).ToList();
                if (starts.Count > 0)
                {
                    ReplaceValue(body, starts[random.Next(starts.Count)] + 1, pieces[random.Next(pieces.Length)]);
                }

                break;
        }

        if (body.Count == 0)
        {
            body.Add((byte)' ');
        }
    }

    private static void ReplaceValue(List<byte> body, int start, ReadOnlyMemory<byte> piece)
    {
        var (end, depth, quoted) = (start, 0, false);
        for (; end < body.Count; end++)
        {
            var c = (char)body[end];
            quoted ^= c == '"';
            if (!quoted && depth == 0 && c is ',' or '}' or ']')
            {
                break;
            }

            depth += quoted ? 0 : c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
            if (!quoted && depth == 0 && c is '}' or ']' && end > start)
            {
                end++;
                break;
            }
        }

        body.RemoveRange(start, end - start);
        body.InsertRange(start, piece.ToArray());
    }
}
