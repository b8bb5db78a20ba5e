using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Responses;

/// <summary>A request that ends with a Kubernetes <c>Status</c>: its code, machine-readable reason and message.</summary>
/// <remarks>The messages are Kubernetes' own, word for word, since people search for them and programs match on them.</remarks>
internal sealed class StatusException(int code, string reason, string message, JsonObject? details = null) : Exception(message)
{
    public int Code { get; } = code;

    public string Reason { get; } = reason;

    public static StatusException NotFound(GroupResource resource, string name)
        => new(404, "NotFound", $"{resource} \"{name}\" not found", DetailsOf(resource, name));

    public static StatusException PathNotFound() => new(404, "NotFound", "the server could not find the requested resource", []);

    public static StatusException AlreadyExists(GroupResource resource, string name)
        => new(409, "AlreadyExists", $"{resource} \"{name}\" already exists", DetailsOf(resource, name));

    public static StatusException Conflict(GroupResource resource, string name, string why)
        => new(409, "Conflict", $"Operation cannot be fulfilled on {resource} \"{name}\": {why}", DetailsOf(resource, name));

    public static StatusException Stale(GroupResource resource, string name)
        => Conflict(resource, name, "the object has been modified; please apply your changes to the latest version and try again");

    public static StatusException Forbidden(GroupResource resource, string name, string why)
        => new(403, "Forbidden", name.Length == 0 ? $"{resource} is forbidden: {why}" : $"{resource} \"{name}\" is forbidden: {why}", DetailsOf(resource, name));

    public static StatusException BadRequest(string message) => new(400, "BadRequest", message);

    public static StatusException MethodNotAllowed() => new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", []);

    /// <summary>Known to Kubernetes, but not here; says what to do instead.</summary>
    public static StatusException NotOffered(string what, string instead) => new(405, "MethodNotAllowed", $"{what} is not supported by this API server; {instead}", []);

    public static StatusException Unauthorized() => new(401, "Unauthorized", "Unauthorized");

    public static StatusException Expired(string message) => new(410, "Expired", message);

    public static StatusException TooLarge(long limit) => TooLarge(string.Create(CultureInfo.InvariantCulture, $"Request entity too large: limit is {limit}"));

    public static StatusException TooLarge(string message) => new(413, "RequestEntityTooLarge", message);

    public static StatusException Internal(string message) => new(500, "InternalError", $"Internal error occurred: {message}");

    public static StatusException Invalid(string kind, string group, string name, ImmutableArray<FieldError> errors)
    {
        var list = errors.Select(e => e.ToString()).Distinct(StringComparer.Ordinal).ToArray();
        var what = group.Length == 0 ? kind : $"{kind}.{group}";
        var text = list.Length == 1 ? list[0] : $"[{string.Join(", ", list)}]";
        var details = new JsonObject { ["name"] = name, ["group"] = group, ["kind"] = kind };
        details["causes"] = new JsonArray([.. errors.Select(e => (JsonNode)new JsonObject
        {
            ["reason"] = e.Reason,
            ["message"] = e.Body,
            ["field"] = e.Path,
        })]);
        return new(422, "Invalid", $"{what} \"{name}\" is invalid: {text}", details);
    }

    public JsonObject ToJson()
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = Message,
            ["reason"] = Reason,
            ["code"] = Code,
        };
        if (details is not null)
        {
            status["details"] = details.DeepClone();
        }

        return status;
    }

    private static JsonObject DetailsOf(GroupResource resource, string name)
    {
        var details = new JsonObject { ["name"] = name, ["kind"] = resource.Resource };
        if (resource.Group.Length > 0)
        {
            details["group"] = resource.Group;
        }

        return details;
    }
}

/// <summary>A resource as error messages name it: <c>pods</c>, <c>deployments.apps</c>.</summary>
internal readonly record struct GroupResource(string Group, string Resource)
{
    public override string ToString() => Group.Length == 0 ? Resource : $"{Resource}.{Group}";
}
