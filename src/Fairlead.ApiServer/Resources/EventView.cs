using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Resources;

/// <summary>Events are stored as <c>v1</c>; <c>events.k8s.io/v1</c> is the same with other field names.</summary>
internal static class EventView
{
    private static readonly (string Core, string New)[] s_names =
    [
        ("involvedObject", "regarding"),
        ("message", "note"),
        ("source", "deprecatedSource"),
        ("firstTimestamp", "deprecatedFirstTimestamp"),
        ("lastTimestamp", "deprecatedLastTimestamp"),
        ("count", "deprecatedCount"),
        ("reportingComponent", "reportingController"),
    ];

    public static readonly ObjectView Instance = new(FromStored, ToStored);

    private static JsonObject FromStored(JsonObject stored) => Rename(stored, "events.k8s.io/v1", n => n.Core, n => n.New);

    private static JsonObject ToStored(JsonObject published) => Rename(published, "v1", n => n.New, n => n.Core);

    private static JsonObject Rename(JsonObject value, string version, Func<(string Core, string New), string> from, Func<(string Core, string New), string> to)
    {
        var result = new JsonObject();
        foreach (var (name, child) in value)
        {
            var renamed = Array.FindIndex(s_names, n => from(n) == name) is >= 0 and var i ? to(s_names[i]) : name;
            result[renamed] = child?.DeepClone();
        }

        result["apiVersion"] = version;
        return result;
    }
}
