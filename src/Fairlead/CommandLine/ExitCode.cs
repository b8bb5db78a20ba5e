namespace Fairlead.CommandLine;

/// <summary>How every command ends.</summary>
internal static class ExitCode
{
    public const int Done = 0;

    public const int Failed = 1;

    public const int WrongUsage = 2;
}
