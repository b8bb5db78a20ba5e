using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Selection;

/// <summary>One demand of a field selector.</summary>
internal sealed record FieldRequirement(string Field, string Value, bool Equal);

/// <summary>What a list or watch asks for: a namespace, labels, fields.</summary>
internal sealed class ObjectSelector
{
    private readonly string _namespace;
    private readonly ImmutableArray<LabelRequirement> _labels;
    private readonly ImmutableArray<FieldRequirement> _fields;
    private readonly ApiResource _resource;

    private ObjectSelector(ApiResource resource, string @namespace, ImmutableArray<LabelRequirement> labels, ImmutableArray<FieldRequirement> fields)
        => (_resource, _namespace, _labels, _fields) = (resource, @namespace, labels, fields);

    /// <summary>A <paramref name="name"/> that is not empty is one more demand: the older form of a watch names its object in the path.</summary>
    public static ObjectSelector Parse(ApiResource resource, string @namespace, string name, string labels, string fields)
    {
        var requirements = ParseFields(resource, fields);
        ImmutableArray<FieldRequirement> all = name.Length == 0 ? requirements : [.. requirements, new("metadata.name", name, Equal: true)];
        return new(resource, @namespace, LabelSelectors.Parse(labels), all);
    }

    /// <summary>The one name that a field selector asks for, or an empty one. A right to one object covers listing and watching that one.</summary>
    public static string NameIn(string fields)
    {
        var demands = fields.Split(',', StringSplitOptions.TrimEntries);
        return demands.Select(d => d.StartsWith("metadata.name=", StringComparison.Ordinal) ? d["metadata.name=".Length..].TrimStart('=') : "")
            .FirstOrDefault(n => n.Length > 0, "");
    }

    /// <summary>The one name asked for, if the field selector names one.</summary>
    public string? Name => _fields.FirstOrDefault(f => f is { Field: "metadata.name", Equal: true })?.Value;

    public bool Matches(StoredObject candidate)
    {
        if (_namespace.Length > 0 && !candidate.Namespace.SequenceEqual(_namespace))
        {
            return false;
        }

        return LabelSelectors.Matches(_labels, candidate.Labels) && MatchesFields(candidate);
    }

    private bool MatchesFields(StoredObject candidate)
    {
        JsonObject? parsed = null;
        foreach (var field in _fields)
        {
            var value = field.Field switch
            {
                "metadata.name" => candidate.Name,
                "metadata.namespace" => candidate.Namespace,
                _ => ValueOf(parsed ??= _resource.View is { } view ? view.FromStored(candidate.Parse()) : candidate.Parse(), field.Field),
            };
            if (value.SequenceEqual(field.Value) != field.Equal)
            {
                return false;
            }
        }

        return true;
    }

    private static string ValueOf(JsonObject value, string field)
    {
        JsonNode? node = value;
        foreach (var part in field.Split('.'))
        {
            node = node.At(part);
        }

        if (field == "source" && node is JsonObject)
        {
            return node.Text("component");
        }

        return node is null && field is "spec.unschedulable" or "spec.hostNetwork" ? "false" : node.Display();
    }

    private static ImmutableArray<FieldRequirement> ParseFields(ApiResource resource, string text)
    {
        var result = ImmutableArray.CreateBuilder<FieldRequirement>();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var at = part.IndexOf("!=", StringComparison.Ordinal);
            var (equal, width) = (at < 0, 2);
            if (equal)
            {
                at = part.IndexOf('=', StringComparison.Ordinal);
                width = at >= 0 && at + 1 < part.Length && part[at + 1] == '=' ? 2 : 1;
            }

            if (at <= 0)
            {
                throw StatusException.BadRequest($"invalid selector: '{part}'; can't understand '{part}'");
            }

            var field = part[..at];
            if (field is not ("metadata.name" or "metadata.namespace") && !resource.SelectableFields.AsSpan().Contains(field))
            {
                throw StatusException.BadRequest($"field label not supported: {field}");
            }

            result.Add(new FieldRequirement(field, part[(at + width)..], equal));
        }

        return result.ToImmutable();
    }
}
