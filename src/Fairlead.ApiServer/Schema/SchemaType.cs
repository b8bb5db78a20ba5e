using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Schema;

/// <summary>A described object: a kind, or a part of one.</summary>
internal sealed class SchemaType(string package, string name, string groupVersion, bool atomic)
{
    private FrozenDictionary<string, SchemaField>? _byName;
    private FrozenDictionary<(int, int), SchemaField>? _byNumber;

    public string Package { get; } = package;

    public string Name { get; } = name;

    /// <summary>The name in Kubernetes' decoder errors: <c>v1.Container</c>.</summary>
    public string GoName => $"v1.{Name}";

    /// <summary>The name in OpenAPI documents.</summary>
    public string OpenApiName { get; } = package == "meta"
        ? $"io.k8s.apimachinery.pkg.apis.meta.v1.{name}"
        : $"io.k8s.api.{package}.{groupVersion[(groupVersion.LastIndexOf('/') + 1)..]}.{name}";

    /// <summary>Server-side apply replaces it whole.</summary>
    public bool Atomic { get; } = atomic;

    public string Description { get; init; } = "";

    public ImmutableArray<SchemaField> Fields { get; private set; } = [];

    public SchemaField? Find(string field) => _byName!.GetValueOrDefault(field);

    /// <summary>By protobuf number; <paramref name="outer"/> is the number of the inlined message, or 0.</summary>
    public SchemaField? Find(int outer, int inner) => _byNumber!.GetValueOrDefault((outer, inner));

    /// <summary>Types refer to each other in circles, so that their fields come after the types.</summary>
    internal void Complete(ImmutableArray<SchemaField> fields)
    {
        Fields = fields;
        _byName = fields.ToFrozenDictionary(f => f.Name, StringComparer.Ordinal);
        _byNumber = fields.Where(f => f.Number != default).ToFrozenDictionary(f => f.Number);
    }
}

/// <summary>One field of a described object, and all that the server does with it.</summary>
internal sealed record SchemaField(string Name, FieldType Type)
{
    /// <summary>The number in Kubernetes' protobuf encoding: (inlined message or 0, field).</summary>
    public (int Outer, int Inner) Number { get; init; }

    /// <summary>Always part of the object.</summary>
    public bool Required { get; init; }

    /// <summary>Tells absent from zero; other optional fields lose a zero value when decoded.</summary>
    public bool Nullable { get; init; }

    /// <summary>The default, as a template that is cloned.</summary>
    public JsonNode? Default { get; init; }

    public ImmutableArray<string> ListMapKeys { get; init; } = [];

    public bool Set { get; init; }

    public bool Atomic { get; init; }

    /// <summary>Strategic merge patch merges this list (by <see cref="PatchMergeKey"/>, or by value) instead of replacing it.</summary>
    public bool PatchMerge { get; init; }

    public string? PatchMergeKey { get; init; }

    public bool PatchRetainKeys { get; init; }

    public string Description { get; init; } = "";

    public ImmutableArray<FieldRule> Rules { get; init; } = [];
}

/// <summary>What a value must look like.</summary>
internal enum RuleKind
{
    Need, Port, PortOrZero, PortName, PortOrName, Min, Range, Label, Subdomain, ServiceName, LabelKey, Ip, Cidr,
}

/// <summary>One check of a field's value.</summary>
internal sealed record FieldRule(RuleKind Kind, long Low = 0, long High = 0, string Text = "");
