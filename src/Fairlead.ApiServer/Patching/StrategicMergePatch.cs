using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Schema;

namespace Fairlead.ApiServer.Patching;

/// <summary>Strategic merge patch: a merge patch that knows by the schema which lists to merge, and by which key.</summary>
/// <remarks>
/// Directives: <c>$patch</c> (replace, delete), <c>$retainKeys</c>, <c>$deleteFromPrimitiveList/FIELD</c>, <c>$setElementOrder/FIELD</c>.
/// An item of the object that the order does not name stays where it was, relative to its neighbours.
/// </remarks>
internal static class StrategicMergePatch
{
    private const string Patch = "$patch", RetainKeys = "$retainKeys", DeleteItems = "$deleteFromPrimitiveList/", Order = "$setElementOrder/";

    public static JsonObject Apply(SchemaType type, JsonObject original, JsonObject patch)
        => MergeObject(new ObjectType(type), (JsonObject)original.DeepClone(), patch);

    private static JsonObject MergeObject(FieldType? type, JsonObject target, JsonObject patch)
    {
        switch (patch.Text(Patch))
        {
            case "replace":
                return Plain(patch);
            case "delete":
                return [];
            case "" or "merge":
                break;
            default:
                throw new PatchException($"Unknown patch type found: {patch.Text(Patch)}");
        }

        if (patch[RetainKeys] is JsonArray retained)
        {
            var keep = retained.Select(k => k.Text()).ToHashSet(StringComparer.Ordinal);
            foreach (var name in target.Select(e => e.Key).Where(k => !keep.Contains(k)).ToList())
            {
                target.Remove(name);
            }
        }

        foreach (var (name, change) in patch)
        {
            MergeField(type, target, patch, name, change);
        }

        return target;
    }

    private static void MergeField(FieldType? type, JsonObject target, JsonObject patch, string name, JsonNode? change)
    {
        if (name.StartsWith(DeleteItems, StringComparison.Ordinal))
        {
            DeleteFrom(target, name[DeleteItems.Length..], change);
        }
        else if (name.StartsWith(Order, StringComparison.Ordinal))
        {
            var field = name[Order.Length..];
            if (!patch.ContainsKey(field) && target[field] is JsonArray existing && change is JsonArray order)
            {
                target[field] = Ordered(existing, existing, order, FieldOf(type, field)?.PatchMergeKey);
            }
        }
        else if (name is Patch or RetainKeys)
        {
            // Directives of this object: done.
        }
        else if (change is null)
        {
            target.Remove(name);
        }
        else
        {
            var field = FieldOf(type, name);
            var valueType = field?.Type ?? (type as MapType)?.Value;
            target[name] = (change, target[name]) switch
            {
                (JsonObject o, _) when o.Text(Patch) == "delete" => null,
                (JsonObject o, JsonObject old) => MergeObject(valueType, (JsonObject)old.DeepClone(), o),
                (JsonObject o, _) => MergeObject(valueType, [], o),
                (JsonArray items, JsonArray old) when field is { PatchMerge: true } => MergeList(field, old, items, patch[Order + name] as JsonArray),
                (JsonArray items, _) when field is { PatchMerge: true } => MergeList(field, [], items, patch[Order + name] as JsonArray),
                _ => change.DeepClone(),
            };
            if (target[name] is null)
            {
                target.Remove(name);
            }
        }
    }

    private static SchemaField? FieldOf(FieldType? type, string name) => (type as ObjectType)?.Type.Find(name);

    private static void DeleteFrom(JsonObject target, string field, JsonNode? values)
    {
        if (target[field] is JsonArray items && values is JsonArray gone)
        {
            target[field] = new JsonArray([.. items.Where(i => !gone.Any(g => JsonNode.DeepEquals(g, i))).Select(i => i?.DeepClone())]);
        }
    }

    private static JsonArray MergeList(SchemaField field, JsonArray original, JsonArray patch, JsonArray? order)
    {
        var itemType = (field.Type as ListType)?.Item;
        if (field.PatchMergeKey is not { } key)
        {
            var union = new JsonArray([.. original.Select(i => i?.DeepClone())]);
            foreach (var item in patch.Where(p => !union.Any(u => JsonNode.DeepEquals(u, p))).ToList())
            {
                union.Add(item?.DeepClone());
            }

            return order is null ? union : Ordered(union, original, order, null);
        }

        if (patch.Any(p => p.Text(Patch) == "replace"))
        {
            return new JsonArray([.. patch.Where(p => p.Text(Patch) != "replace").Select(p => p?.DeepClone())]);
        }

        var merged = original.Select(i => i?.DeepClone()).ToList();
        foreach (var change in patch)
        {
            if (change is not JsonObject changes || changes[key] is not { } id)
            {
                throw new PatchException($"map: {change?.ToJsonString()} does not contain declared merge key: {key}");
            }

            var at = merged.FindIndex(m => JsonNode.DeepEquals(m.At(key), id));
            switch (changes.Text(Patch), at)
            {
                case ("delete", >= 0):
                    merged.RemoveAt(at);
                    break;
                case ("delete", _):
                    break;
                case (_, >= 0):
                    merged[at] = MergeObject(itemType, (JsonObject)merged[at]!, changes);
                    break;
                default:
                    merged.Add(MergeObject(itemType, [], changes));
                    break;
            }
        }

        var result = new JsonArray([.. merged]);
        return order is null ? result : Ordered(result, original, order, key);
    }

    /// <summary>Sorts what the order names by it, and lets what it does not name keep its place among its old neighbours.</summary>
    private static JsonArray Ordered(JsonArray items, JsonArray original, JsonArray order, string? key)
    {
        int Place(JsonNode? item, JsonArray list)
        {
            for (var i = 0; i < list.Count; i++)
            {
                if (key is null ? JsonNode.DeepEquals(list[i], item) : JsonNode.DeepEquals(list[i].At(key), item.At(key)))
                {
                    return i;
                }
            }

            return -1;
        }

        var named = new Queue<JsonNode?>(items.Where(i => Place(i, order) >= 0).OrderBy(i => Place(i, order)));
        var others = new Queue<JsonNode?>(items.Where(i => Place(i, order) < 0));
        var result = new JsonArray();
        while (named.Count + others.Count > 0)
        {
            var takeOther = others.Count > 0
                && (named.Count == 0 || (Place(named.Peek(), original) is >= 0 and var place && Place(others.Peek(), original) < place));
            result.Add((takeOther ? others : named).Dequeue()?.DeepClone());
        }

        return result;
    }

    /// <summary>A patch used as a value: without directives and nulls.</summary>
    private static JsonObject Plain(JsonObject patch)
    {
        var result = new JsonObject();
        foreach (var (name, value) in patch)
        {
            if (value is not null && !name.StartsWith('$'))
            {
                result[name] = value is JsonObject o ? Plain(o) : value.DeepClone();
            }
        }

        return result;
    }
}
