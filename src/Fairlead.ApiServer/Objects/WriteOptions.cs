using System.Text.Json.Nodes;

namespace Fairlead.ApiServer.Objects;

/// <summary>What a request asks for besides the write itself.</summary>
internal sealed record WriteOptions
{
    public bool DryRun { get; init; }

    /// <summary><c>Strict</c>, <c>Warn</c> or <c>Ignore</c>: what becomes of unknown fields.</summary>
    public string FieldValidation { get; init; } = "Warn";

    public string FieldManager { get; init; } = "";

    /// <summary>Server-side apply takes fields from other managers.</summary>
    public bool Force { get; init; }

    /// <summary>A last word on the object as it would be written (and was before, if it was): throws to refuse it.</summary>
    public Action<JsonObject, JsonObject?>? Admit { get; init; }

    /// <summary>Warnings for the client, sent as headers.</summary>
    public List<string> Warnings { get; init; } = [];
}

/// <summary>How an object is to be deleted.</summary>
internal sealed record DeleteOptions
{
    public long? GracePeriodSeconds { get; init; }

    public string PropagationPolicy { get; init; } = "";

    public string Uid { get; init; } = "";

    public string ResourceVersion { get; init; } = "";

    public bool DryRun { get; init; }
}
