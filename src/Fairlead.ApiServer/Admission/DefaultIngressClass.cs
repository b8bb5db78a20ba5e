using System.Text.Json.Nodes;
using Fairlead.ApiServer.Json;
using Fairlead.ApiServer.Storage;

namespace Fairlead.ApiServer.Admission;

/// <summary>An Ingress that names no class gets the one that is marked as default; of several, the newest.</summary>
internal static class DefaultIngressClass
{
    public static void Apply(ResourceState classes, JsonObject ingress)
    {
        if (ingress.Text("spec", "ingressClassName").Length > 0 || ingress.Text("metadata", "annotations", "kubernetes.io/ingress.class").Length > 0)
        {
            return;
        }

        var chosen = classes.Objects.Values.Select(c => c.Parse())
            .Where(c => c.Text("metadata", "annotations", "ingressclass.kubernetes.io/is-default-class") == "true")
            .OrderByDescending(c => c.Text("metadata", "creationTimestamp"), StringComparer.Ordinal).ThenBy(c => c.Text("metadata", "name"), StringComparer.Ordinal)
            .FirstOrDefault();
        if (chosen is not null)
        {
            ingress.Child("spec")["ingressClassName"] = chosen.Text("metadata", "name");
        }
    }
}
