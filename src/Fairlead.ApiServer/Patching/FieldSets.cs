using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Patching;

/// <summary>Sets of fields in the form that <c>managedFields</c> records them (<c>f:name</c>, <c>k:{key}</c>, <c>v:value</c>).</summary>
internal static class FieldSets
{
    private const string Self = ".";

    /// <summary>The fields that a configuration states.</summary>
    public static JsonObject Of(SchemaType type, JsonObject value, bool top = true)
    {
        var set = new JsonObject();
        foreach (var (name, child) in value)
        {
            if ((top && name is "apiVersion" or "kind" or "status") || child is null || type.Find(name) is not { } field)
            {
                continue;
            }

            var inner = OfField(field, child);
            if (top && name == "metadata")
            {
                inner.Remove("f:name");
                inner.Remove("f:namespace");
                if (inner.Count == 0)
                {
                    continue;
                }
            }

            set[$"f:{name}"] = inner;
        }

        return set;
    }

    /// <summary>The key of a list item: the values of its list's map keys, defaults included.</summary>
    public static string KeyOf(SchemaField field, JsonNode? item)
    {
        var key = new JsonObject();
        foreach (var name in field.ListMapKeys)
        {
            key[name] = (item.At(name) ?? ((field.Type as ListType)?.Item as ObjectType)?.Type.Find(name)?.Default)?.DeepClone();
        }

        return $"k:{key.ToJsonString()}";
    }

    public static bool IsAtomic(SchemaField field) => field.Atomic || field.Type switch
    {
        ListType => field is { Set: false, ListMapKeys.IsEmpty: true },
        ObjectType o => o.Type.Atomic,
        MapType => false,
        _ => true,
    };

    /// <summary>Every leaf of a set as a path for people: <c>.spec.replicas</c>.</summary>
    public static IEnumerable<(string Shown, string[] Path)> Leaves(JsonObject set) => Leaves(set, "", []);

    public static bool Contains(JsonObject? set, ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            set = set?[step] as JsonObject;
        }

        return set is not null;
    }

    public static void Remove(JsonObject set, ReadOnlySpan<string> path)
    {
        if (path.Length == 1)
        {
            set.Remove(path[0]);
        }
        else if (set[path[0]] is JsonObject inner)
        {
            Remove(inner, path[1..]);
            if (inner.Count == 0)
            {
                set.Remove(path[0]);
            }
        }
    }

    private static IEnumerable<(string Shown, string[] Path)> Leaves(JsonObject set, string shown, string[] path)
    {
        foreach (var (step, inner) in set)
        {
            if (step == Self)
            {
                continue;
            }

            var here = step[0] switch
            {
                'f' => $"{shown}.{step[2..]}",
                'k' => $"{shown}[{string.Join(',', JsonNodes.ParseObject(System.Text.Encoding.UTF8.GetBytes(step[2..])).Select(e => $"{e.Key}={e.Value?.ToJsonString()}"))}]",
                _ => $"{shown}[={step[2..]}]",
            };
            string[] next = [.. path, step];
            if (inner is JsonObject { Count: > 0 } deeper && deeper.Any(e => e.Key != Self))
            {
                foreach (var leaf in Leaves(deeper, here, next))
                {
                    yield return leaf;
                }
            }
            else
            {
                yield return (here, next);
            }
        }
    }

    private static JsonObject OfField(SchemaField field, JsonNode value) => (field.Type, value) switch
    {
        _ when IsAtomic(field) => [],
        (ObjectType o, JsonObject inner) => Of(o.Type, inner, top: false),
        (MapType, JsonObject entries) => new JsonObject(entries.Select(e => KeyValuePair.Create($"f:{e.Key}", (JsonNode?)new JsonObject()))),
        (ListType, JsonArray items) when field.Set => new JsonObject(items.Select(i => $"v:{i?.ToJsonString()}").Distinct(StringComparer.Ordinal).Select(k => KeyValuePair.Create(k, (JsonNode?)new JsonObject()))),
        (ListType { Item: ObjectType item }, JsonArray items) => OfItems(field, item, items),
        _ => [],
    };

    private static JsonObject OfItems(SchemaField field, ObjectType item, JsonArray items)
    {
        var set = new JsonObject();
        foreach (var entry in items.OfType<JsonObject>())
        {
            var inner = Of(item.Type, entry, top: false);
            inner[Self] = new JsonObject();
            set[KeyOf(field, entry)] = inner;
        }

        return set;
    }
}
