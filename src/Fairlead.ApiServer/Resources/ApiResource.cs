using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Fairlead.ApiServer.Responses;
using Fairlead.ApiServer.Schema;
using Fairlead.ApiServer.Tables;

namespace Fairlead.ApiServer.Resources;

/// <summary>One resource that the API serves: its names, its type, and what is particular to it.</summary>
internal sealed record ApiResource(string Group, string Version, string Plural, string Kind, SchemaType Type)
{
    public bool Namespaced { get; init; } = true;

    public ImmutableArray<string> ShortNames { get; init; } = [];

    public ImmutableArray<string> Categories { get; init; } = [];

    /// <summary><c>status</c>, <c>scale</c>, <c>log</c>, <c>binding</c> and so on.</summary>
    public ImmutableArray<string> Subresources { get; init; } = [];

    /// <summary>A question, not a thing: it can be posted and is answered at once (TokenReview, SelfSubjectAccessReview).</summary>
    public bool Ephemeral { get; init; }

    public KindRules Rules { get; init; } = KindRules.None;

    public TableColumns Columns { get; init; } = TableColumns.NameAndAge;

    /// <summary>The fields besides <c>metadata.name</c> and <c>metadata.namespace</c> that a field selector may name.</summary>
    public ImmutableArray<string> SelectableFields { get; init; } = [];

    /// <summary>Another form of the same stored objects; <c>null</c> for the form they are stored in.</summary>
    public ObjectView? View { get; init; }

    /// <summary>The name under which objects are stored. Two forms of one thing share it.</summary>
    public string StoreName { get; init; } = Group.Length == 0 ? Plural : $"{Plural}.{Group}";

    public string Singular => Kind.ToLowerInvariant();

    public string GroupVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    public GroupResource Name => new(Group, Plural);

    /// <summary>Whether all of it can be deleted in one request. Namespaces are emptied one by one, and some of them must stay.</summary>
    public bool HasCollection => this is not { Group: "", Plural: "namespaces" };

    public bool HasStatus => Subresources.AsSpan().Contains("status");

    public bool Has(string subresource) => Subresources.AsSpan().Contains(subresource);
}

/// <summary>Turns objects between the form they are stored in and another published form.</summary>
internal sealed record ObjectView(Func<JsonObject, JsonObject> FromStored, Func<JsonObject, JsonObject> ToStored);

/// <summary>What is particular to a kind beyond its schema.</summary>
internal sealed record KindRules
{
    public static readonly KindRules None = new();

    /// <summary>The form of the object's name.</summary>
    public Func<string, IEnumerable<string>> Name { get; init; } = NameRules.Subdomain;

    /// <summary>Defaults that depend on other fields.</summary>
    public Action<JsonObject>? Default { get; init; }

    /// <summary>What the server itself sets on a new object.</summary>
    public Action<JsonObject>? PrepareCreate { get; init; }

    /// <summary>What an update keeps of the old object (second argument).</summary>
    public Action<JsonObject, JsonObject>? PrepareUpdate { get; init; }

    public Action<JsonObject, FieldErrors>? Validate { get; init; }

    /// <summary>What may not change: new object, old object.</summary>
    public Action<JsonObject, JsonObject, FieldErrors>? ValidateUpdate { get; init; }
}
