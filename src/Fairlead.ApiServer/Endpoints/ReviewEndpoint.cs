using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Security;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Questions that are posted and answered at once: who am I, may I, whose token is this.</summary>
internal sealed class ReviewEndpoint(Authorizer authorizer, AccountTokens tokens)
{
    public async Task RunAsync(ResourceRequest request)
    {
        var options = request.WriteOptions();
        var value = ObjectDecoder.Decode(request.Resource, await RequestBody.ReadAsync(request.Http), RequestBody.FormatOf(request.Http), options);
        Answers.Warn(request.Http, options.Warnings);
        value["status"] = request.Resource.Kind switch
        {
            "SelfSubjectReview" => new JsonObject { ["userInfo"] = Show(request.User) },
            "SelfSubjectAccessReview" => Answer(request.User, value, request.Resource),
            "SubjectAccessReview" or "LocalSubjectAccessReview" => Answer(SubjectOf(value), value, request.Resource),
            "SelfSubjectRulesReview" => RulesFor(request.User, value.Text("spec", "namespace")),
            "TokenReview" => Check(value),
            _ => throw StatusException.PathNotFound(),
        };
        await Answers.JsonAsync(request.Http, 201, value);
    }

    private static UserInfo SubjectOf(JsonObject value)
        => new(value.Text("spec", "user"), [.. value.Items("spec", "groups").Select(g => g.Text())], value.Text("spec", "uid"));

    private JsonObject Answer(UserInfo user, JsonObject value, ApiResource resource)
    {
        var (attributes, path) = (value.At("spec", "resourceAttributes"), value.At("spec", "nonResourceAttributes"));
        if (attributes is null == path is null)
        {
            var errors = new FieldErrors();
            errors.Invalid("spec.resourceAttributes", null, "exactly one of nonResourceAttributes or resourceAttributes must be specified");
            errors.ThrowIfAny(resource.Kind, resource.Group, "");
        }

        var access = path is not null
            ? AccessRequest.NonResource(path.Text("verb"), path.Text("path"))
            : new AccessRequest(attributes.Text("verb"), attributes.Text("group"), attributes.Text("resource"), attributes.Text("subresource"), attributes.Text("namespace"), attributes.Text("name"));
        return new JsonObject { ["allowed"] = authorizer.Allows(user, access) };
    }

    private JsonObject RulesFor(UserInfo user, string @namespace)
    {
        var (resources, paths) = (new JsonArray(), new JsonArray());
        foreach (var rule in authorizer.RulesOf(user, @namespace))
        {
            if (!rule.Resources.IsEmpty)
            {
                resources.Add((JsonNode)new JsonObject
                {
                    ["verbs"] = Texts(rule.Verbs),
                    ["apiGroups"] = Texts(rule.Groups),
                    ["resources"] = Texts(rule.Resources),
                    ["resourceNames"] = Texts(rule.Names),
                });
            }

            if (!rule.Paths.IsEmpty)
            {
                paths.Add((JsonNode)new JsonObject { ["verbs"] = Texts(rule.Verbs), ["nonResourceURLs"] = Texts(rule.Paths) });
            }
        }

        return new JsonObject { ["resourceRules"] = resources, ["nonResourceRules"] = paths, ["incomplete"] = false };
    }

    private JsonObject Check(JsonObject value)
    {
        var audiences = value.Items("spec", "audiences").Select(a => a.Text()).ToList();
        return tokens.Verify(value.Text("spec", "token"), audiences) is { } user
            ? new JsonObject { ["authenticated"] = true, ["user"] = Show(user), ["audiences"] = Texts(audiences.Count == 0 ? [tokens.Issuer] : audiences) }
            : new JsonObject { ["error"] = "invalid bearer token" };
    }

    private static JsonObject Show(UserInfo user)
    {
        var shown = new JsonObject { ["username"] = user.Name, ["groups"] = Texts(user.Groups) };
        if (user.Uid.Length > 0)
        {
            shown["uid"] = user.Uid;
        }

        return shown;
    }

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(t => (JsonNode)t)]);
}
