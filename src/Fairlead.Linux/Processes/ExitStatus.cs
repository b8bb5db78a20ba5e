namespace Fairlead.Linux.Processes;

/// <summary>How a process ended: by itself with a code, or by a signal.</summary>
/// <param name="ExitCode">The code; null where a signal ended it, or where nobody knows because it was no child of ours.</param>
/// <param name="TermSignal">The signal that ended it.</param>
/// <param name="CoreDumped">Whether a dump of its memory was left.</param>
public readonly record struct ExitStatus(int? ExitCode, Signal? TermSignal = null, bool CoreDumped = false)
{
    public static ExitStatus Unknown => default;

    public bool IsKnown => ExitCode is not null || TermSignal is not null;

    public bool Succeeded => ExitCode == 0;

    /// <summary>As a shell and a container runtime give it: the code, or 128 and the signal; 255 where it is not known.</summary>
    public int ShellCode => ExitCode ?? (TermSignal is { } signal ? 128 + (int)signal : 255);

    public override string ToString() => this switch
    {
        { ExitCode: { } code } => $"exit code {code}",
        { TermSignal: { } signal } => $"signal {(int)signal} ({signal})",
        _ => "unknown",
    };
}
