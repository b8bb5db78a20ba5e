namespace Fairlead.Lab;

/// <summary>A lab cannot do what was asked: what is wrong, and what to do about it.</summary>
public sealed class LabException(string message, string remedy, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What a person can do about it.</summary>
    public string Remedy { get; } = remedy;

    /// <summary>The request itself makes no sense, whatever the machine is like.</summary>
    public bool IsWrongUsage { get; init; }
}
