namespace Fairlead.Cni.Protocol;

/// <summary>The error codes of the CNI specification; from 100 on they are ours.</summary>
public enum CniErrorCode
{
    /// <summary>The configuration's version is one that the plugin does not speak.</summary>
    IncompatibleVersion = 1,

    /// <summary>A field, or its value, is not supported; the message names both.</summary>
    UnsupportedField = 2,

    /// <summary>The container does not exist (any more); the runtime need not clean up.</summary>
    UnknownContainer = 3,

    /// <summary>A necessary environment variable is missing or makes no sense.</summary>
    InvalidEnvironment = 4,

    /// <summary>Input or output failed.</summary>
    InputOutput = 5,

    /// <summary>The configuration or a result could not be decoded.</summary>
    Decoding = 6,

    /// <summary>The configuration could be decoded and makes no sense.</summary>
    InvalidNetworkConfig = 7,

    /// <summary>The network namespace is not one, or is the plugin's own.</summary>
    InvalidNetworkNamespace = 8,

    /// <summary>A passing condition; the same call may succeed later.</summary>
    TryAgainLater = 11,

    /// <summary>STATUS: the plugin cannot serve an ADD now.</summary>
    NotAvailable = 50,

    /// <summary>STATUS: the plugin cannot serve an ADD now, and containers that run may be cut off.</summary>
    LimitedConnectivity = 51,

    /// <summary>Every address of a range is in use.</summary>
    AddressPoolExhausted = 100,

    /// <summary>A port of the host is published already.</summary>
    HostPortTaken = 101,

    /// <summary>CHECK: what ADD made is no longer as it was made.</summary>
    AttachmentChanged = 102,

    /// <summary>Anything that was not foreseen.</summary>
    Internal = 999,
}
