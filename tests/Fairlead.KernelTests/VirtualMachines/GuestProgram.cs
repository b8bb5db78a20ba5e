namespace Fairlead.KernelTests.VirtualMachines;

/// <summary>A program to be run in a virtual machine, as its only one.</summary>
/// <param name="Executable">Its path, which is the same inside: the guest's files are the host's, read-only.</param>
public sealed record GuestProgram(string Executable, params IReadOnlyList<string> Arguments)
{
    /// <summary>What it finds in its environment besides a path and a home.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public string WorkingDirectory { get; init; } = "/";

    /// <summary>Modules of the guest's kernel that nothing asks for by itself.</summary>
    public IReadOnlyList<string> Modules { get; init; } = [];

    /// <summary>How long the machine may take from its start to its end; then it is killed.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>A line of sh.</summary>
    public static GuestProgram Shell(string line) => new("/bin/sh", "-c", line);
}

/// <summary>How a virtual machine ended before its program did.</summary>
public sealed class VirtualMachineException(string message) : Exception(message);
