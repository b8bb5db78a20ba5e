namespace Fairlead.ApiServer.Pods;

/// <summary>Where the API server gets a container's output from: the pod runtime of the node, in one process or behind a socket.</summary>
public interface IPodStreams
{
    /// <summary>Opens the log of one container. With <see cref="PodLogOptions.Follow"/> the stream stays open until the container ends or <paramref name="ct"/> fires.</summary>
    Task<PodLogResult> OpenLogAsync(string @namespace, string pod, string container, PodLogOptions options, CancellationToken ct);
}

/// <summary>What <c>kubectl logs</c> may ask of a log; <c>null</c> means no limit.</summary>
public sealed record PodLogOptions
{
    public bool Follow { get; init; }

    /// <summary>The log of the container's previous run, before its last restart.</summary>
    public bool Previous { get; init; }

    public bool Timestamps { get; init; }

    public long? TailLines { get; init; }

    public long? LimitBytes { get; init; }

    public DateTimeOffset? Since { get; init; }
}

/// <summary>An open log, or the reason why there is none, which becomes a Kubernetes <c>Status</c>.</summary>
public sealed record PodLogResult
{
    private PodLogResult()
    {
    }

    /// <summary>The log's bytes; the server disposes it. <c>null</c> when the log could not be opened.</summary>
    public Stream? Stream { get; private init; }

    public int Code { get; private init; } = 200;

    public string Reason { get; private init; } = "";

    public string Message { get; private init; } = "";

    public static PodLogResult Opened(Stream stream) => new() { Stream = stream };

    /// <summary>As Kubernetes says it: code 400, reason BadRequest, "container "x" in pod "y" is waiting to start: ContainerCreating".</summary>
    public static PodLogResult Refused(int code, string reason, string message) => new() { Code = code, Reason = reason, Message = message };
}
