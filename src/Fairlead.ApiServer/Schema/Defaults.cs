using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Schema;

/// <summary>Fills in the defaults that the schema states, wherever the object around them is present.</summary>
internal static class Defaults
{
    public static void Apply(SchemaType type, JsonObject value)
    {
        foreach (var field in type.Fields)
        {
            if (field.Default is { } template && value[field.Name] is null)
            {
                value[field.Name] = template.DeepClone();
            }
        }

        foreach (var (name, child) in value)
        {
            if (child is JsonObject or JsonArray && type.Find(name) is { } field)
            {
                Apply(field.Type, child);
            }
        }
    }

    private static void Apply(FieldType type, JsonNode? value)
    {
        switch (type, value)
        {
            case (ObjectType described, JsonObject o):
                Apply(described.Type, o);
                break;
            case (ListType { Item: ObjectType or ListType or MapType } list, JsonArray items):
                foreach (var item in items)
                {
                    Apply(list.Item, item);
                }

                break;
            case (MapType { Value: ObjectType } map, JsonObject entries):
                foreach (var (_, entry) in entries)
                {
                    Apply(map.Value, entry);
                }

                break;
        }
    }
}
