using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Storage;

/// <summary>One version of one object: its JSON as bytes, and what lists and watches select by.</summary>
/// <remarks>Immutable, and shared by the store, its history and every watcher.</remarks>
internal sealed class StoredObject
{
    /// <summary>More than any body, so that what came in whole fits with what the server adds.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    private StoredObject(string key, long version, byte[] json, IReadOnlyDictionary<string, string> labels)
        => (Key, Version, Json, Labels) = (key, version, json, labels);

    /// <summary>"namespace/name", or "/name" for objects outside namespaces.</summary>
    public string Key { get; }

    public long Version { get; }

    public byte[] Json { get; }

    public IReadOnlyDictionary<string, string> Labels { get; }

    public ReadOnlySpan<char> Namespace => Key.AsSpan(0, Key.IndexOf('/', StringComparison.Ordinal));

    public ReadOnlySpan<char> Name => Key.AsSpan(Key.IndexOf('/', StringComparison.Ordinal) + 1);

    public static string KeyOf(string @namespace, string name) => $"{@namespace}/{name}";

    /// <summary>Writes the version into the object and freezes it. Throws <see cref="ObjectLimitException"/> for what could not be read again.</summary>
    public static StoredObject From(string key, long version, JsonObject value)
    {
        value.Child("metadata")["resourceVersion"] = version.ToString(System.Globalization.CultureInfo.InvariantCulture);
        if (JsonNodes.DepthOf(value) > JsonBody.MaxDepth)
        {
            throw new ObjectLimitException($"the object is nested deeper than {JsonBody.MaxDepth} levels");
        }

        var json = value.ToUtf8();
        return json.Length <= MaxBytes
            ? new StoredObject(key, version, json, LabelsOf(value))
            : throw new ObjectLimitException($"Request entity too large: the object would have {json.Length} bytes, limit is {MaxBytes}");
    }

    public static StoredObject Load(string key, long version, byte[] json)
        => new(key, version, json, LabelsOf(JsonNodes.ParseObject(json)));

    /// <summary>A copy that its reader may change.</summary>
    public JsonObject Parse() => JsonNodes.ParseObject(Json);

    private static Dictionary<string, string> LabelsOf(JsonObject value)
    {
        if (value.At("metadata", "labels") is not JsonObject { Count: > 0 } labels)
        {
            return s_none;
        }

        var result = new Dictionary<string, string>(labels.Count, StringComparer.Ordinal);
        foreach (var (key, label) in labels)
        {
            result[key] = label.Text();
        }

        return result;
    }

    private static readonly Dictionary<string, string> s_none = [];
}

/// <summary>An object that is too large or too deep to be kept: patches can make one out of small bodies.</summary>
internal sealed class ObjectLimitException(string message) : Exception(message);
