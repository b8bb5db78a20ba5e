using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Storage;
using Fairlead.ApiServer.Tables;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>Stored objects in the form a client asked for.</summary>
internal static class ObjectForms
{
    /// <summary>The published JSON of an object. Without another view these are the stored bytes themselves.</summary>
    public static byte[] Bytes(ApiResource resource, StoredObject stored)
        => resource.View is { } view ? view.FromStored(stored.Parse()).ToUtf8() : stored.Json;

    /// <summary>Objects as the rows of one table, or one object as a table of one row.</summary>
    public static JsonObject Table(ApiResource resource, IEnumerable<StoredObject> objects, string include, DateTimeOffset now, bool headers, JsonObject listMeta)
    {
        var context = new TableContext(now);
        var table = new JsonObject { ["kind"] = "Table", ["apiVersion"] = "meta.k8s.io/v1", ["metadata"] = listMeta };
        table["columnDefinitions"] = headers
            ? new JsonArray([.. resource.Columns.Columns.Select(c => (JsonNode)new JsonObject
            {
                ["name"] = c.Name,
                ["type"] = c.Type,
                ["format"] = c.Format,
                ["description"] = "",
                ["priority"] = c.Priority,
            })])
            : null;
        var rows = new JsonArray();
        foreach (var stored in objects)
        {
            var value = stored.Parse();
            rows.Add((JsonNode)new JsonObject
            {
                ["cells"] = new JsonArray([.. resource.Columns.Columns.Select(c => c.Cell(value, context))]),
                ["object"] = include switch
                {
                    "None" => null,
                    "Object" => resource.View is { } view ? view.FromStored(value) : value,
                    _ => Metadata(value),
                },
            });
        }

        table["rows"] = rows;
        return table;
    }

    public static JsonObject Metadata(JsonObject value)
        => new() { ["kind"] = "PartialObjectMetadata", ["apiVersion"] = "meta.k8s.io/v1", ["metadata"] = value["metadata"]?.DeepClone() };
}
