namespace Fairlead.Cni.Protocol;

/// <summary>A failure to report to the runtime. Anything else that escapes a plugin is reported as <see cref="CniErrorCode.Internal"/>.</summary>
public sealed class CniException(CniErrorCode code, string message, string? details = null, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>What kind of failure it is, in the specification's numbers.</summary>
    public CniErrorCode Code { get; } = code;

    /// <summary>More words for a person.</summary>
    public string? Details { get; } = details;

    /// <summary>The failure as the specification's document.</summary>
    public string ToJson() => ResultWriter.ErrorToJson(CniVersion.Newest, this);

    internal static CniException PoolExhausted(string range)
        => new(CniErrorCode.AddressPoolExhausted, $"no free address in {range}");

    internal static CniException NotImplemented(string field, string remedy)
        => new(CniErrorCode.UnsupportedField, $"{field} is not implemented yet: {remedy}");
}
