using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Patching;

/// <summary>Server-side apply: a manager states the fields it cares for; they are merged in, and those it no longer states go.</summary>
/// <remarks>
/// Ownership is recorded for managers that apply, not for plain updates and patches. So a field set by <c>kubectl edit</c> has no
/// owner, and an apply takes it over without a conflict.
/// </remarks>
internal static class ServerSideApply
{
    public static JsonObject Apply(SchemaType type, GroupResource resource, string apiVersion, JsonObject live, JsonObject applied, string manager, bool force, DateTimeOffset now)
    {
        var stated = FieldSets.Of(type, applied);
        var entries = live.Items("metadata", "managedFields").OfType<JsonObject>().Select(e => (JsonObject)e.DeepClone()).ToList();
        var own = entries.FirstOrDefault(e => e.Text("manager") == manager && e.Text("operation") == "Apply" && e.Text("subresource").Length == 0);
        var others = entries.Where(e => e != own).ToList();
        TakeOver(type, resource, live, applied, stated, others, force);

        var result = MergeObject(type, (JsonObject)live.DeepClone(), applied);
        foreach (var (_, path) in own?["fieldsV1"] is JsonObject before ? FieldSets.Leaves(before).ToList() : [])
        {
            Prune(type, result, path, stated, others);
        }

        others.Add(new JsonObject
        {
            ["manager"] = manager,
            ["operation"] = "Apply",
            ["apiVersion"] = apiVersion,
            ["time"] = now.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
            ["fieldsType"] = "FieldsV1",
            ["fieldsV1"] = stated,
        });
        result.Child("metadata")["managedFields"] = new JsonArray([.. others.Where(e => e.Entries("fieldsV1").Any()).OrderBy(e => e.Text("manager"), StringComparer.Ordinal)]);
        return result;
    }

    /// <summary>A field that another manager applied with another value is a conflict, unless it is taken by force.</summary>
    private static void TakeOver(SchemaType type, GroupResource resource, JsonObject live, JsonObject applied, JsonObject stated, List<JsonObject> others, bool force)
    {
        var causes = new JsonArray();
        foreach (var other in others)
        {
            if (other["fieldsV1"] is not JsonObject owned)
            {
                continue;
            }

            foreach (var (shown, path) in FieldSets.Leaves(stated).ToList())
            {
                if (!FieldSets.Contains(owned, path) || JsonNode.DeepEquals(ValueAt(type, live, path), ValueAt(type, applied, path)))
                {
                    continue;
                }

                if (force)
                {
                    FieldSets.Remove(owned, path);
                }
                else
                {
                    causes.Add((JsonNode)new JsonObject
                    {
                        ["reason"] = "FieldManagerConflict",
                        ["message"] = $"conflict with \"{other.Text("manager")}\"",
                        ["field"] = shown,
                    });
                }
            }
        }

        if (causes.Count > 0)
        {
            var list = causes.Select(c => $"{c.Text("message")}: {c.Text("field")}").ToList();
            var text = list.Count == 1 ? $"Apply failed with 1 conflict: {list[0]}" : $"Apply failed with {list.Count} conflicts: {string.Join("\n", list.Select(l => $"- {l}"))}";
            throw new StatusException(409, "Conflict", text, new JsonObject { ["kind"] = resource.Resource, ["group"] = resource.Group, ["causes"] = causes });
        }
    }

    private static JsonObject MergeObject(SchemaType type, JsonObject target, JsonObject applied)
    {
        foreach (var (name, value) in applied)
        {
            var field = type.Find(name);
            target[name] = (field?.Type, value, target[name]) switch
            {
                _ when field is null || FieldSets.IsAtomic(field) => value?.DeepClone(),
                (ObjectType o, JsonObject changes, JsonObject old) => MergeObject(o.Type, (JsonObject)old.DeepClone(), changes),
                (MapType, JsonObject changes, JsonObject old) => MergeMap((JsonObject)old.DeepClone(), changes),
                (ListType list, JsonArray items, JsonArray old) => MergeList(field, list, old, items),
                _ => value?.DeepClone(),
            };
        }

        return target;
    }

    private static JsonObject MergeMap(JsonObject target, JsonObject changes)
    {
        foreach (var (key, value) in changes)
        {
            target[key] = value?.DeepClone();
        }

        return target;
    }

    private static JsonArray MergeList(SchemaField field, ListType list, JsonArray old, JsonArray applied)
    {
        var result = old.Select(i => i?.DeepClone()).ToList();
        foreach (var item in applied)
        {
            var at = field.Set
                ? result.FindIndex(r => JsonNode.DeepEquals(r, item))
                : result.FindIndex(r => FieldSets.KeyOf(field, r) == FieldSets.KeyOf(field, item));
            if (at < 0)
            {
                result.Add(item?.DeepClone());
            }
            else if (result[at] is JsonObject existing && item is JsonObject changes && list.Item is ObjectType o)
            {
                result[at] = MergeObject(o.Type, existing, changes);
            }
        }

        return new JsonArray([.. result]);
    }

    private static JsonNode? ValueAt(SchemaType type, JsonNode? value, ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            (value, type) = Step(type, value, step);
        }

        return value;
    }

    private static (JsonNode? Value, SchemaType Type) Step(SchemaType type, JsonNode? value, string step)
    {
        if (step[0] != 'f' || value is not JsonObject o)
        {
            return (value is JsonArray items ? items.FirstOrDefault(i => IsItem(type, i, step)) : null, type);
        }

        var field = type.Find(step[2..]);
        var next = field?.Type switch { ObjectType inner => inner.Type, ListType { Item: ObjectType item } => item.Type, _ => type };
        return (o[step[2..]], next);
    }

    /// <summary>Whether a list item has the key or value that a step names.</summary>
    private static bool IsItem(SchemaType itemType, JsonNode? item, string step)
    {
        if (step[0] == 'v')
        {
            return item?.ToJsonString() == step[2..];
        }

        return JsonNodes.ParseObject(System.Text.Encoding.UTF8.GetBytes(step[2..]))
            .All(e => JsonNode.DeepEquals(item.At(e.Key) ?? itemType.Find(e.Key)?.Default, e.Value));
    }

    /// <summary>Removes what this manager stated before and does not now, as far as no other manager states it: a whole list item, or the one field.</summary>
    private static void Prune(SchemaType type, JsonObject result, string[] path, JsonObject stated, List<JsonObject> others)
    {
        for (var length = 1; length <= path.Length; length++)
        {
            var at = path.AsSpan(0, length);
            if ((length < path.Length && at[^1][0] != 'k') || IsStated(path.AsSpan(0, length), stated, others))
            {
                continue;   // on the way to the field is only what may hold other fields too
            }

            var (parent, parentType) = ((JsonNode?)result, type);
            foreach (var step in at[..^1])
            {
                (parent, parentType) = Step(parentType, parent, step);
            }

            if (parent is JsonObject o && at[^1][0] == 'f')
            {
                o.Remove(at[^1][2..]);
            }
            else if (parent is JsonArray items && items.FirstOrDefault(i => IsItem(parentType, i, path[length - 1])) is { } gone)
            {
                items.Remove(gone);
            }

            return;
        }
    }

    private static bool IsStated(ReadOnlySpan<string> path, JsonObject stated, List<JsonObject> others)
    {
        if (FieldSets.Contains(stated, path))
        {
            return true;
        }

        foreach (var other in others)
        {
            if (FieldSets.Contains(other["fieldsV1"] as JsonObject, path))
            {
                return true;
            }
        }

        return false;
    }
}
