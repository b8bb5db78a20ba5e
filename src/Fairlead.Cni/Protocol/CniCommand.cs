namespace Fairlead.Cni.Protocol;

/// <summary>The verbs of the specification.</summary>
internal enum CniCommand
{
    Add,
    Del,
    Check,
    Status,
    Gc,
    Version,
}
