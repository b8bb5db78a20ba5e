using System.Globalization;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;

namespace Fairlead.ApiServer.Patching;

/// <summary>JSON patch, RFC 6902.</summary>
internal static class JsonPatch
{
    /// <summary>More would only serve to keep the server busy: the limit Kubernetes has.</summary>
    private const int MaxOperations = 10_000;

    /// <summary>A copy of a copy doubles: without a limit, Kubernetes' again, thirty lines of patch would fill the memory.</summary>
    private const long MaxCopiedBytes = 3 * 1024 * 1024;

    public static JsonNode? Apply(JsonNode target, JsonNode? patch)
    {
        if (patch is not JsonArray operations)
        {
            throw new PatchException("a JSON patch is a list of operations");
        }

        if (operations.Count > MaxOperations)
        {
            throw new PatchException($"the allowed maximum operations in a JSON patch is {MaxOperations}, got {operations.Count}");
        }

        // A root above the object makes replacing the whole of it no special case.
        var root = new JsonObject { [""] = target.DeepClone() };
        var copied = 0L;
        foreach (var operation in operations)
        {
            Run(root, operation, ref copied);
        }

        var result = root[""];
        root.Remove("");
        return result;
    }

    private static void Run(JsonObject root, JsonNode? operation, ref long copied)
    {
        var path = operation.Text("path");
        switch (operation.Text("op"))
        {
            case "add":
                Add(root, path, operation.At("value")?.DeepClone());
                break;
            case "remove":
                Remove(root, path);
                break;
            case "replace":
                Find(root, path);
                Replace(root, path, operation.At("value")?.DeepClone());
                break;
            case "move":
                var moved = Find(root, operation.Text("from"));
                Remove(root, operation.Text("from"));
                Add(root, path, moved);
                break;
            case "copy":
                var source = Find(root, operation.Text("from"));
                copied += source?.ToUtf8().Length ?? 0;
                if (copied > MaxCopiedBytes)
                {
                    throw new PatchException(
                        $"unable to complete the copy, the accumulated size increase of copy is {copied}, exceeding the limit {MaxCopiedBytes}");
                }

                Add(root, path, source?.DeepClone());
                break;
            case "test":
                if (!JsonNode.DeepEquals(Find(root, path), operation.At("value")))
                {
                    throw new PatchException($"testing value {path} failed");
                }

                break;
            default:
                throw new PatchException($"unexpected kind of operation: {operation.Text("op")}");
        }
    }

    private static void Add(JsonObject root, string path, JsonNode? value)
    {
        CheckDepth(path, value);
        var (parent, last) = Parent(root, path);
        if (parent is JsonArray items)
        {
            items.Insert(last == "-" ? items.Count : Index(items, last, items.Count, path), value);
        }
        else
        {
            ((JsonObject)parent)[last] = value;
        }
    }

    private static void Replace(JsonObject root, string path, JsonNode? value)
    {
        CheckDepth(path, value);
        var (parent, last) = Parent(root, path);
        if (parent is JsonArray items)
        {
            items[Index(items, last, items.Count - 1, path)] = value;
        }
        else
        {
            ((JsonObject)parent)[last] = value;
        }
    }

    private static void Remove(JsonObject root, string path)
    {
        var (parent, last) = Parent(root, path);
        if (parent is JsonArray items)
        {
            items.RemoveAt(Index(items, last, items.Count - 1, path));
        }
        else if (!((JsonObject)parent).Remove(last))
        {
            throw Missing(path);
        }
    }

    private static JsonNode? Find(JsonObject root, string path)
    {
        var (parent, last) = Parent(root, path);
        return parent switch
        {
            JsonArray items => items[Index(items, last, items.Count - 1, path)],
            JsonObject o when o.ContainsKey(last) => o[last],
            _ => throw Missing(path),
        };
    }

    /// <summary>Operations one after another could nest deeper than any stack, and everything that walks the result is recursive.</summary>
    private static void CheckDepth(string path, JsonNode? value)
    {
        if (path.AsSpan().Count('/') + JsonNodes.DepthOf(value) > JsonBody.MaxDepth)
        {
            throw new PatchException($"the result would be nested deeper than {JsonBody.MaxDepth} levels");
        }
    }

    private static (JsonNode Parent, string Last) Parent(JsonObject root, string path)
    {
        if (path.Length > 0 && path[0] != '/')
        {
            throw new PatchException($"path {path} does not start with '/'");
        }

        var parts = path.Split('/');
        JsonNode? node = root;
        for (var i = 0; i < parts.Length - 1; i++)
        {
            node = node switch
            {
                JsonArray items => items[Index(items, parts[i], items.Count - 1, path)],
                JsonObject o => o[Unescape(parts[i])],
                _ => null,
            };
        }

        return node is JsonObject or JsonArray ? (node, Unescape(parts[^1])) : throw Missing(path);
    }

    private static string Unescape(string part) => part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);

    private static int Index(JsonArray items, string text, int highest, string path)
        => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= highest ? index : throw Missing(path);

    private static PatchException Missing(string path) => new($"operation does not apply: doc is missing path: {path}: missing value");
}
