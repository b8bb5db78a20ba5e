using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers;

/// <summary>Merge patches of a status.</summary>
internal static class StatusPatch
{
    /// <summary>What turns one status into the other; a field that is no longer written is removed.</summary>
    public static JsonObject Between<T>(T before, T after)
    {
        var (old, patch) = (KubeJson.ToNode(before).AsObject(), KubeJson.ToNode(after).AsObject());
        foreach (var (name, value) in old)
        {
            if (!patch.ContainsKey(name))
            {
                patch[name] = null;
            }
            else if (JsonNode.DeepEquals(value, patch[name]))
            {
                patch.Remove(name);
            }
        }

        return new JsonObject { ["status"] = patch };
    }
}
