namespace Fairlead.Cni.Launcher;

/// <summary>Why a container's program was not started, and the exit code that says so.</summary>
internal sealed class LaunchException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>The launcher itself was called wrongly.</summary>
    public const int WrongUsage = 2;

    /// <summary>The container could not be set up (as Docker: 125).</summary>
    public const int SetupFailed = 125;

    /// <summary>The program was found and could not be executed (as every shell: 126).</summary>
    public const int CannotExecute = 126;

    /// <summary>There is no such program (as every shell: 127).</summary>
    public const int NotFound = 127;

    public int ExitCode { get; } = exitCode;
}
