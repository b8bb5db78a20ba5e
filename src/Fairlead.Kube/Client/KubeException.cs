using Fairlead.Kube.Objects;

namespace Fairlead.Kube.Client;

/// <summary>A refusal by the API server: what was asked, and its answer.</summary>
public sealed class KubeException(Status status, string operation)
    : Exception($"{operation}: {(status.Message.Length > 0 ? status.Message : status.Reason)} ({status.Code})")
{
    /// <summary>The server's answer.</summary>
    public Status Status { get; } = status;

    /// <summary>The HTTP code.</summary>
    public int Code => Status.Code;

    /// <summary>The reason for machines, such as <c>NotFound</c>.</summary>
    public string Reason => Status.Reason;

    public bool IsNotFound => Code == 404;

    /// <summary>The object is there already.</summary>
    public bool IsAlreadyExists => Code == 409 && Reason == "AlreadyExists";

    /// <summary>The object has changed since it was read.</summary>
    public bool IsConflict => Code == 409 && Reason != "AlreadyExists";

    /// <summary>The version asked for is too old: list again.</summary>
    public bool IsGone => Code == 410;

    /// <summary>The object makes no sense to the server, or the server forbids it: the same request will fail again.</summary>
    public bool IsInvalid => Code is 400 or 403 or 405 or 415 or 422;
}
