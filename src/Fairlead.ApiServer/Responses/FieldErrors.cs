using System.Collections.Immutable;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Responses;

/// <summary>One thing that is wrong with an object, in Kubernetes' words.</summary>
internal sealed record FieldError(string Path, string Reason, string Body)
{
    public override string ToString() => $"{Path}: {Body}";
}

/// <summary>Collects what is wrong with an object, so that a user sees all of it at once.</summary>
internal sealed class FieldErrors
{
    private static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private readonly List<FieldError> _errors = [];

    public int Count => _errors.Count;

    public ImmutableArray<FieldError> ToImmutable() => [.. _errors];

    public void Required(string path, string detail = "") => Add(path, "FieldValueRequired", "Required value", detail);

    public void Invalid(string path, JsonNode? value, string detail) => Add(path, "FieldValueInvalid", $"Invalid value: {Show(value)}", detail);

    public void NotSupported(string path, string value, IEnumerable<string> supported)
        => Add(path, "FieldValueNotSupported", $"Unsupported value: {Quote(value)}",
            $"supported values: {string.Join(", ", supported.Order(StringComparer.Ordinal).Select(Quote))}");

    public void Duplicate(string path, JsonNode? value) => Add(path, "FieldValueDuplicate", $"Duplicate value: {Show(value)}", "");

    public void NotFound(string path, string value) => Add(path, "FieldValueNotFound", $"Not found: {Quote(value)}", "");

    public void Forbidden(string path, string detail) => Add(path, "FieldValueForbidden", "Forbidden", detail);

    public void TooLong(string path, int limit) => Add(path, "FieldValueTooLong", "Too long", $"may not be more than {limit} bytes");

    public void ThrowIfAny(string kind, string group, string name)
    {
        if (_errors.Count > 0)
        {
            throw StatusException.Invalid(kind, group, name, ToImmutable());
        }
    }

    private void Add(string path, string reason, string what, string detail)
        => _errors.Add(new FieldError(path, reason, detail.Length == 0 ? $"{what}" : $"{what}: {detail}"));

    private static string Show(JsonNode? value) => value is null ? "null" : value.ToJsonString(s_plain);

    private static string Quote(string text) => JsonValue.Create(text).ToJsonString(s_plain);
}
