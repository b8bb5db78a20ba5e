namespace Fairlead.Ingress.Forwarding;

/// <summary>What can go wrong with an endpoint; each has its status and its word in <c>proxy-next-upstream</c>.</summary>
internal enum UpstreamFailure
{
    /// <summary>No connection, or it broke: 502, <c>error</c>.</summary>
    Error,

    /// <summary>No connection, no read or no write in time: 504, <c>timeout</c>.</summary>
    Timeout,

    /// <summary>The answer is no HTTP: 502, <c>invalid_header</c>.</summary>
    InvalidAnswer,
}

/// <summary>An endpoint could not be reached, did not answer, or answered what cannot be understood.</summary>
internal sealed class UpstreamException(UpstreamFailure failure, string message, Exception? inner = null) : IOException(message, inner)
{
    public UpstreamFailure Failure => failure;

    /// <summary>Nothing of the request was sent.</summary>
    public bool NothingSent { get; init; }
}
