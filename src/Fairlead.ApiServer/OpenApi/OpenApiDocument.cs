using System.Buffers;
using System.Text.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.OpenApi;

/// <summary>Writes the schema as OpenAPI documents.</summary>
/// <remarks>
/// kubectl reads three things from them: field types and descriptions (explain), merge keys (apply, diff), and whether the PATCH
/// operation of a kind has a <c>fieldValidation</c> parameter, in which case it leaves validation to the server.
/// </remarks>
internal static class OpenApiDocument
{
    private static readonly (string Name, string Type)[] s_writeParameters =
        [("dryRun", "string"), ("fieldManager", "string"), ("fieldValidation", "string"), ("force", "boolean")];

    /// <summary>Scalars of two types, which explain shows by their names.</summary>
    private static readonly Dictionary<Scalar, (string Name, string Other)> s_named = new()
    {
        [Scalar.IntOrString] = ("io.k8s.apimachinery.pkg.util.intstr.IntOrString", "integer"),
        [Scalar.Quantity] = ("io.k8s.apimachinery.pkg.api.resource.Quantity", "number"),
    };

    public static byte[] WriteV3(string group)
    {
        var resources = ResourceCatalog.All.Where(r => r.Group == group).ToList();
        return Write(writer =>
        {
            writer.WriteString("openapi", "3.0.0");
            WriteInfo(writer);
            writer.WriteStartObject("paths");
            foreach (var resource in resources)
            {
                WritePaths(writer, resource);
            }

            writer.WriteEndObject();
            writer.WriteStartObject("components");
            writer.WriteStartObject("schemas");
            foreach (var type in Reachable(resources.Select(r => r.Type).Append(KubeSchema.Type("meta.DeleteOptions"))))
            {
                WriteType(writer, type, resources, "#/components/schemas/", v3: true);
            }

            foreach (var (name, other) in s_named.Values)
            {
                WriteEither(writer, name, other);
            }

            writer.WriteEndObject();
            writer.WriteEndObject();
        });
    }

    public static byte[] WriteV2() => Write(writer =>
    {
        writer.WriteString("swagger", "2.0");
        WriteInfo(writer);
        writer.WriteStartObject("paths");
        writer.WriteEndObject();
        writer.WriteStartObject("definitions");
        foreach (var type in KubeSchema.Types.Values)
        {
            WriteType(writer, type, ResourceCatalog.All, "#/definitions/", v3: false);
        }

        writer.WriteEndObject();
    });

    private static byte[] Write(Action<Utf8JsonWriter> body)
    {
        var buffer = new ArrayBufferWriter<byte>(64 * 1024);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            body(writer);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteInfo(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("info");
        writer.WriteString("title", "Kubernetes");
        writer.WriteString("version", Endpoints.PlainPaths.GitVersion);
        writer.WriteEndObject();
    }

    private static SortedDictionary<string, SchemaType>.ValueCollection Reachable(IEnumerable<SchemaType> roots)
    {
        var seen = new SortedDictionary<string, SchemaType>(StringComparer.Ordinal);
        var next = new Stack<SchemaType>(roots);
        while (next.TryPop(out var type))
        {
            if (!seen.TryAdd(type.OpenApiName, type))
            {
                continue;
            }

            foreach (var field in type.Fields)
            {
                if (ObjectIn(field.Type) is { } inner)
                {
                    next.Push(inner);
                }
            }
        }

        return seen.Values;
    }

    private static SchemaType? ObjectIn(FieldType type) => type switch
    {
        ObjectType o => o.Type,
        ListType list => ObjectIn(list.Item),
        MapType map => ObjectIn(map.Value),
        _ => null,
    };

    private static void WritePaths(Utf8JsonWriter writer, ApiResource resource)
    {
        var root = (resource.Group.Length == 0 ? "/api/v1" : $"/apis/{resource.GroupVersion}") + (resource.Namespaced ? "/namespaces/{namespace}" : "");
        writer.WriteStartObject($"{root}/{resource.Plural}");
        if (!resource.Ephemeral)
        {
            WriteOperation(writer, resource, "get", "list", body: false);
        }

        WriteOperation(writer, resource, "post", "post", body: true);
        writer.WriteEndObject();
        if (resource.Ephemeral)
        {
            return;
        }

        writer.WriteStartObject($"{root}/{resource.Plural}/{{name}}");
        WriteOperation(writer, resource, "get", "get", body: false);
        WriteOperation(writer, resource, "put", "put", body: true);
        WriteOperation(writer, resource, "patch", "patch", body: true);
        WriteOperation(writer, resource, "delete", "delete", body: false);
        writer.WriteEndObject();
    }

    private static void WriteOperation(Utf8JsonWriter writer, ApiResource resource, string method, string action, bool body)
    {
        writer.WriteStartObject(method);
        writer.WriteString("operationId", $"{action}{(resource.Group.Length == 0 ? "Core" : resource.Group.Split('.')[0])}V1{resource.Kind}");
        writer.WriteStartArray("parameters");
        foreach (var (name, type) in body ? s_writeParameters : [])
        {
            if (name == "force" && method != "patch")
            {
                continue;
            }

            writer.WriteStartObject();
            writer.WriteString("name", name);
            writer.WriteString("in", "query");
            writer.WriteStartObject("schema");
            writer.WriteString("type", type);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteStartObject("responses");
        writer.WriteStartObject("200");
        writer.WriteString("description", "OK");
        writer.WriteStartObject("content");
        writer.WriteStartObject("application/json");
        writer.WriteStartObject("schema");
        writer.WriteString("$ref", $"#/components/schemas/{resource.Type.OpenApiName}");
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.WriteString("x-kubernetes-action", action);
        writer.WritePropertyName("x-kubernetes-group-version-kind");
        WriteKind(writer, resource);
        writer.WriteEndObject();
    }

    private static void WriteKind(Utf8JsonWriter writer, ApiResource resource)
    {
        writer.WriteStartObject();
        writer.WriteString("group", resource.Group);
        writer.WriteString("kind", resource.Kind);
        writer.WriteString("version", resource.Version);
        writer.WriteEndObject();
    }

    private static void WriteType(Utf8JsonWriter writer, SchemaType type, IEnumerable<ApiResource> resources, string prefix, bool v3)
    {
        writer.WriteStartObject(type.OpenApiName);
        WriteDescription(writer, type.Description);
        writer.WriteString("type", "object");
        if (type.Fields.Any(f => f.Required))
        {
            writer.WriteStartArray("required");
            foreach (var field in type.Fields.Where(f => f.Required))
            {
                writer.WriteStringValue(field.Name);
            }

            writer.WriteEndArray();
        }

        writer.WriteStartObject("properties");
        foreach (var field in type.Fields)
        {
            writer.WriteStartObject(field.Name);
            WriteField(writer, field, prefix, v3);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        if (type.Atomic)
        {
            writer.WriteString("x-kubernetes-map-type", "atomic");
        }

        if (resources.FirstOrDefault(r => r.Type == type) is { } kind)
        {
            writer.WriteStartArray("x-kubernetes-group-version-kind");
            WriteKind(writer, kind);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private static void WriteField(Utf8JsonWriter writer, SchemaField field, string prefix, bool v3)
    {
        WriteDescription(writer, field.Description);
        if (field.Type is ListType)
        {
            writer.WriteString("x-kubernetes-list-type", field.ListMapKeys.IsEmpty ? field.Set ? "set" : "atomic" : "map");
            if (!field.ListMapKeys.IsEmpty)
            {
                writer.WriteStartArray("x-kubernetes-list-map-keys");
                foreach (var key in field.ListMapKeys)
                {
                    writer.WriteStringValue(key);
                }

                writer.WriteEndArray();
            }
        }
        else if (field.Atomic)
        {
            writer.WriteString("x-kubernetes-map-type", "atomic");
        }

        if (field.PatchMerge || field.PatchRetainKeys)
        {
            writer.WriteString("x-kubernetes-patch-strategy", (field.PatchMerge, field.PatchRetainKeys) switch
            {
                (true, true) => "merge,retainKeys",
                (true, false) => "merge",
                _ => "retainKeys",
            });
        }

        if (field.PatchMergeKey is { } mergeKey)
        {
            writer.WriteString("x-kubernetes-patch-merge-key", mergeKey);
        }

        if (field.Default is { } value && (v3 || field.Type is not ObjectType))
        {
            writer.WritePropertyName("default");
            value.WriteTo(writer);
        }

        WriteFieldType(writer, field.Type, prefix, v3, wrapped: true);
    }

    private static void WriteFieldType(Utf8JsonWriter writer, FieldType type, string prefix, bool v3, bool wrapped)
    {
        switch (type)
        {
            case ObjectType o:
                WriteReference(writer, prefix + o.Type.OpenApiName, v3 && wrapped);
                break;
            case ScalarType scalar when v3 && s_named.TryGetValue(scalar.Scalar, out var named):
                WriteReference(writer, prefix + named.Name, wrapped);
                break;
            case ListType list:
                writer.WriteString("type", "array");
                writer.WriteStartObject("items");
                WriteFieldType(writer, list.Item, prefix, v3, wrapped: false);
                writer.WriteEndObject();
                break;
            case MapType map:
                writer.WriteString("type", "object");
                writer.WriteStartObject("additionalProperties");
                WriteFieldType(writer, map.Value, prefix, v3, wrapped: false);
                writer.WriteEndObject();
                break;
            case ScalarType scalar:
                WriteScalar(writer, scalar);
                break;
        }
    }

    private static void WriteReference(Utf8JsonWriter writer, string target, bool wrapped)
    {
        if (wrapped)
        {
            // Beside a $ref nothing else may stand in 3.0: description and extensions go around it.
            writer.WriteStartArray("allOf");
            writer.WriteStartObject();
        }

        writer.WriteString("$ref", target);
        if (wrapped)
        {
            writer.WriteEndObject();
            writer.WriteEndArray();
        }
    }

    private static void WriteEither(Utf8JsonWriter writer, string name, string other)
    {
        writer.WriteStartObject(name);
        writer.WriteStartArray("oneOf");
        foreach (var type in (ReadOnlySpan<string>)["string", other])
        {
            writer.WriteStartObject();
            writer.WriteString("type", type);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WriteScalar(Utf8JsonWriter writer, ScalarType scalar)
    {
        var (type, format) = scalar.Scalar switch
        {
            Scalar.Int32 => ("integer", "int32"),
            Scalar.Int64 => ("integer", "int64"),
            Scalar.Number => ("number", "double"),
            Scalar.Bool => ("boolean", ""),
            Scalar.Bytes => ("string", "byte"),
            Scalar.Time or Scalar.MicroTime => ("string", "date-time"),
            Scalar.IntOrString => ("string", "int-or-string"),
            Scalar.Any => ("object", ""),
            _ => ("string", ""),
        };
        writer.WriteString("type", type);
        if (format.Length > 0)
        {
            writer.WriteString("format", format);
        }

        if (!scalar.Values.IsDefaultOrEmpty)
        {
            writer.WriteStartArray("enum");
            foreach (var value in scalar.Values)
            {
                writer.WriteStringValue(value);
            }

            writer.WriteEndArray();
        }
    }

    private static void WriteDescription(Utf8JsonWriter writer, string description)
    {
        if (description.Length > 0)
        {
            writer.WriteString("description", description);
        }
    }
}
