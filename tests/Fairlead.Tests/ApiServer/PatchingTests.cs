using System.Text.Json.Nodes;
using Fairlead.ApiServer.Patching;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;

namespace Fairlead.Tests.ApiServer;

public sealed class PatchingTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.UnixEpoch;

    public static TheoryData<string, string, string, string> Strategic => new()
    {
        {
            "lists with a merge key are merged by it",
            """{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"1"}]}}""",
            """{"spec":{"containers":[{"name":"b","image":"2"},{"name":"c","image":"3"}]}}""",
            """{"spec":{"containers":[{"name":"a","image":"1"},{"name":"b","image":"2"},{"name":"c","image":"3"}]}}"""
        },
        {
            "an item is deleted by its key",
            """{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}""",
            """{"spec":{"containers":[{"$patch":"delete","name":"a"}]}}""",
            """{"spec":{"containers":[{"name":"b"}]}}"""
        },
        {
            "a list is replaced on demand",
            """{"spec":{"containers":[{"name":"a"},{"name":"b"}]}}""",
            """{"spec":{"containers":[{"name":"c"},{"$patch":"replace"}]}}""",
            """{"spec":{"containers":[{"name":"c"}]}}"""
        },
        {
            "the order that the client names holds, and what it does not name keeps its place",
            """{"spec":{"containers":[{"name":"a"},{"name":"b"},{"name":"c"}]}}""",
            """{"spec":{"$setElementOrder/containers":[{"name":"c"},{"name":"a"}],"containers":[{"name":"a","image":"x"}]}}""",
            """{"spec":{"containers":[{"name":"b"},{"name":"c"},{"name":"a","image":"x"}]}}"""
        },
        {
            "lists without a merge key are replaced",
            """{"spec":{"containers":[{"name":"a","command":["x","y"]}]}}""",
            """{"spec":{"containers":[{"name":"a","command":["z"]}]}}""",
            """{"spec":{"containers":[{"name":"a","command":["z"]}]}}"""
        },
        {
            "lists of scalars with the merge strategy are united, and items deleted by value",
            """{"metadata":{"finalizers":["a","b"]}}""",
            """{"metadata":{"$deleteFromPrimitiveList/finalizers":["a"],"finalizers":["c"]}}""",
            """{"metadata":{"finalizers":["b","c"]}}"""
        },
        {
            "null deletes a field, and a map is merged",
            """{"metadata":{"labels":{"a":"1","b":"2"}}}""",
            """{"metadata":{"labels":{"a":null,"c":"3"}}}""",
            """{"metadata":{"labels":{"b":"2","c":"3"}}}"""
        },
        {
            "retainKeys drops what it does not name",
            """{"spec":{"volumes":[{"name":"v","emptyDir":{}}]}}""",
            """{"spec":{"volumes":[{"$retainKeys":["name","configMap"],"name":"v","configMap":{"name":"c"}}]}}""",
            """{"spec":{"volumes":[{"name":"v","configMap":{"name":"c"}}]}}"""
        },
        {
            "an object is replaced on demand",
            """{"spec":{"nodeSelector":{"a":"1"},"securityContext":{"runAsUser":1}}}""",
            """{"spec":{"securityContext":{"$patch":"replace","fsGroup":2},"nodeSelector":null}}""",
            """{"spec":{"securityContext":{"fsGroup":2}}}"""
        },
    };

    public static TheoryData<string, string, string> Json => new()
    {
        { """{"a":[1,2]}""", """[{"op":"add","path":"/a/1","value":9},{"op":"add","path":"/a/-","value":3}]""", """{"a":[1,9,2,3]}""" },
        { """{"a":{"b/c":1}}""", """[{"op":"test","path":"/a/b~1c","value":1},{"op":"replace","path":"/a/b~1c","value":2}]""", """{"a":{"b/c":2}}""" },
        { """{"a":1,"b":2}""", """[{"op":"move","from":"/a","path":"/c"},{"op":"copy","from":"/b","path":"/d"},{"op":"remove","path":"/b"}]""", """{"c":1,"d":2}""" },
    };

    [Theory, MemberData(nameof(Strategic))]
    public void Strategic_merge_patch(string because, string original, string patch, string expected)
    {
        var result = StrategicMergePatch.Apply(KubeSchema.Type("core.Pod"), Parse(original), Parse(patch));

        Assert.True(JsonNode.DeepEquals(Parse(expected), result), $"{because}: {result.ToJsonString()}");
    }

    [Theory, MemberData(nameof(Json))]
    public void Json_patch(string original, string patch, string expected)
        => Assert.Equal(expected, JsonPatch.Apply(Parse(original), JsonNode.Parse(patch))!.ToJsonString());

    [Theory]
    [InlineData("""[{"op":"remove","path":"/nope"}]""")]
    [InlineData("""[{"op":"test","path":"/a","value":2}]""")]
    [InlineData("""[{"op":"replace","path":"/l/7","value":2}]""")]
    [InlineData("""[{"op":"fly","path":"/a"}]""")]
    [InlineData("""[{"op":"add","path":"a","value":2}]""")]
    [InlineData("""[{"op":"add","path":"/a/b/c","value":2}]""")]
    public void A_json_patch_that_does_not_fit_is_refused(string patch)
        => Assert.Throws<PatchException>(() => JsonPatch.Apply(Parse("""{"a":1,"l":[1]}"""), JsonNode.Parse(patch)));

    [Fact]
    public void Copies_of_copies_end_at_the_limit()
    {
        var patch = string.Join(',', Enumerable.Repeat("""{"op":"copy","from":"/l","path":"/l/-"}""", 40));

        var error = Assert.Throws<PatchException>(() => JsonPatch.Apply(Parse("""{"l":["0123456789"]}"""), JsonNode.Parse($"[{patch}]")));

        Assert.Contains("the accumulated size increase of copy", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Copies_side_by_side_end_at_the_limit()
    {
        var patch = string.Join(',', Enumerable.Range(0, 40).Select(i => $$"""{"op":"copy","from":"/m","path":"/m{{i}}"},{"op":"move","from":"/m{{i}}","path":"/n{{i}}"}"""));

        var error = Assert.Throws<PatchException>(() => JsonPatch.Apply(Parse($$"""{"m":"{{new string('x', 100_000)}}"}"""), JsonNode.Parse($"[{patch}]")));

        Assert.Contains("the accumulated size increase of copy", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Additions_below_each_other_end_at_the_limit()
    {
        var patch = string.Join(',', Enumerable.Range(1, 100).Select(i => $$$"""{"op":"add","path":"{{{string.Concat(Enumerable.Repeat("/a", i))}}}","value":{}}"""));

        var error = Assert.Throws<PatchException>(() => JsonPatch.Apply(Parse("{}"), JsonNode.Parse($"[{patch}]")));

        Assert.Equal("the result would be nested deeper than 60 levels", error.Message);
    }

    [Fact]
    public void Merge_patch_of_RFC_7386()
        => Assert.Equal("""{"a":{"c":3},"d":[1]}""", MergePatch.Apply(Parse("""{"a":{"b":1,"c":2}}"""), Parse("""{"a":{"b":null,"c":3},"d":[1]}"""))!.ToJsonString());

    [Fact]
    public void Apply_removes_what_its_manager_no_longer_states_and_leaves_the_rest()
    {
        var live = Parse("""{"metadata":{"name":"p"},"spec":{"replicas":3}}""");

        live = Apply(live, """{"metadata":{"name":"p","labels":{"a":"1","b":"2"}},"spec":{"template":{"spec":{"containers":[{"name":"x","image":"i"},{"name":"y","image":"i"}]}}}}""", "me");
        live = Apply(live, """{"metadata":{"name":"p","labels":{"b":"2"}},"spec":{"template":{"spec":{"containers":[{"name":"y","image":"j"}]}}}}""", "me");

        Assert.Equal("""{"b":"2"}""", live["metadata"]!["labels"]!.ToJsonString());
        Assert.Equal("""[{"name":"y","image":"j"}]""", live["spec"]!["template"]!["spec"]!["containers"]!.ToJsonString());
        Assert.Equal(3, (int)live["spec"]!["replicas"]!);
    }

    [Fact]
    public void Two_managers_that_want_different_values_conflict_until_one_uses_force()
    {
        var live = Apply(Parse("""{"metadata":{"name":"p"}}"""), """{"spec":{"replicas":3}}""", "first");

        var conflict = Assert.Throws<StatusException>(() => Apply(live, """{"spec":{"replicas":4}}""", "second"));
        live = Apply(live, """{"spec":{"replicas":4}}""", "second", force: true);
        var afterwards = Apply(live, "{}", "first");

        Assert.Equal("Apply failed with 1 conflict: conflict with \"first\": .spec.replicas", conflict.Message);
        Assert.Equal(4, (int)afterwards["spec"]!["replicas"]!);
    }

    [Fact]
    public void Applying_the_same_twice_changes_nothing()
    {
        const string config = """{"metadata":{"labels":{"a":"1"}},"spec":{"template":{"spec":{"containers":[{"name":"x","ports":[{"containerPort":80}]}]}}}}""";

        var once = Apply(Parse("{}"), config, "me");
        var twice = Apply(once, config, "me");

        Assert.Equal(once.ToJsonString(), twice.ToJsonString());
    }

    private static JsonObject Apply(JsonObject live, string config, string manager, bool force = false)
        => ServerSideApply.Apply(KubeSchema.Type("apps.Deployment"), new GroupResource("apps", "deployments"), "apps/v1", live, Parse(config), manager, force, s_now);

    private static JsonObject Parse(string json) => (JsonObject)JsonNode.Parse(json)!;
}
