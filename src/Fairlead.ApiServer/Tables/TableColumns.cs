using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Tables;

/// <summary>One column of the table that <c>kubectl get</c> shows. Priority 0 is always shown, above it with <c>-o wide</c>.</summary>
internal sealed record TableColumn(string Name, string Type, string Format, int Priority, Func<JsonObject, TableContext, JsonNode?> Cell);

/// <summary>What a cell may depend on besides its object.</summary>
internal sealed record TableContext(DateTimeOffset Now);

/// <summary>The columns of a kind.</summary>
internal sealed record TableColumns(ImmutableArray<TableColumn> Columns)
{
    public static readonly TableColumn Name = new("Name", "string", "name", 0, (o, _) => JsonValue.Create(o.Text("metadata", "name")));

    public static readonly TableColumn Age = new("Age", "string", "", 0, (o, c) => JsonValue.Create(Ages.Since(o.Text("metadata", "creationTimestamp"), c.Now)));

    public static readonly TableColumns NameAndAge = new([Name, Age]);

    public static TableColumn Text(string name, Func<JsonObject, string> cell, int priority = 0)
        => new(name, "string", "", priority, (o, _) => JsonValue.Create(cell(o)));

    public static TableColumn Timed(string name, Func<JsonObject, TableContext, string> cell, int priority = 0)
        => new(name, "string", "", priority, (o, c) => JsonValue.Create(cell(o, c)));

    public static TableColumn Number(string name, Func<JsonObject, long> cell, int priority = 0)
        => new(name, "integer", "", priority, (o, _) => JsonValue.Create(cell(o)));
}
