using System.Text.Json.Nodes;
using Fairlead.ApiServer.Objects;
using Fairlead.ApiServer.Resources;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Security;
using Fairlead.ApiServer.Selection;
using Microsoft.AspNetCore.Http;

namespace Fairlead.ApiServer.Endpoints;

/// <summary>One request for a resource, with what its query says.</summary>
internal sealed record ResourceRequest(HttpContext Http, ApiResource Resource, string Namespace, string Name, string Subresource, UserInfo User)
{
    public CancellationToken Aborted { get; init; } = Http.RequestAborted;

    /// <summary>What of the requester has to be looked at once the object to be written is known.</summary>
    public Action<JsonObject, JsonObject?>? Admit { get; init; }

    /// <summary>Namespaced objects are stored under their namespace; a Namespace itself is not inside one.</summary>
    public string StoreNamespace => Resource.Namespaced ? Namespace : "";

    /// <summary>Which objects a list, a watch or a deletion of many is about.</summary>
    public ObjectSelector Selector() => ObjectSelector.Parse(Resource, StoreNamespace, Name, Query("labelSelector"), Query("fieldSelector"));

    public string Query(string name) => Http.Request.Query[name].ToString();

    public bool Flag(string name) => Http.Request.Query[name].ToString() is "true" or "1" or "True";

    public long? Number(string name)
    {
        var text = Query(name);
        if (text.Length == 0)
        {
            return null;
        }

        return long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var number) && number >= 0
            ? number
            : throw StatusException.BadRequest($"invalid value for query parameter \"{name}\": \"{text}\"");
    }

    /// <summary>Checked as Kubernetes does: an unknown value of <c>dryRun</c> must not become a real write.</summary>
    public WriteOptions WriteOptions()
    {
        var errors = new FieldErrors();
        var dryRun = IsDryRun(Http.Request.Query["dryRun"].ToArray(), errors);
        var validation = Query("fieldValidation");
        if (validation is not ("" or "Strict" or "Warn" or "Ignore"))
        {
            errors.NotSupported("fieldValidation", validation, ["Ignore", "Strict", "Warn", ""]);
        }

        if (Query("fieldManager").Length > 128)
        {
            errors.TooLong("fieldManager", 128);
        }

        errors.ThrowIfAny($"{Http.Request.Method[0]}{Http.Request.Method[1..].ToLowerInvariant()}Options", "meta.k8s.io", "");
        return new WriteOptions
        {
            DryRun = dryRun,
            FieldValidation = validation.Length == 0 ? "Warn" : validation,
            FieldManager = Query("fieldManager"),
            Force = Flag("force"),
            Admit = Admit,
        };
    }

    public static bool IsDryRun(IReadOnlyCollection<string?> values, FieldErrors errors)
    {
        foreach (var value in values.Where(v => v is { Length: > 0 } and not "All"))
        {
            errors.NotSupported("dryRun", value!, ["All"]);
        }

        return values.Contains("All", StringComparer.Ordinal);
    }

    public AccessRequest Access(string verb) => new(verb, Resource.Group, Resource.Plural, Subresource, Namespace, Name);
}
