using System.Text.Json.Nodes;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers;

/// <summary>Ownership: references to an owner, and the patches that adopt and release.</summary>
internal static class Owners
{
    public static OwnerReference Reference(IKubeObject owner) => new()
    {
        ApiVersion = owner.ApiVersion,
        Kind = owner.Kind,
        Name = owner.Metadata.Name,
        Uid = owner.Metadata.Uid,
        Controller = true,
        BlockOwnerDeletion = true,
    };

    /// <summary>Makes the owner the object's controller. The uid keeps a namesake from being adopted.</summary>
    public static JsonObject Adopt(IKubeObject obj, IKubeObject owner) => Patch(obj, [.. obj.Metadata.OwnerReferences, Reference(owner)]);

    /// <summary>Takes the owner off the object.</summary>
    public static JsonObject Release(IKubeObject obj, string ownerUid)
        => Patch(obj, obj.Metadata.OwnerReferences.Where(o => o.Uid != ownerUid));

    private static JsonObject Patch(IKubeObject obj, IEnumerable<OwnerReference> owners) => new()
    {
        ["metadata"] = new JsonObject
        {
            ["uid"] = obj.Metadata.Uid,
            ["resourceVersion"] = obj.Metadata.ResourceVersion,
            ["ownerReferences"] = new JsonArray([.. owners.Select(o => KubeJson.ToNode(o))]),
        },
    };
}
