using System.Runtime.InteropServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Processes;

/// <summary>Kinds of namespace other than the network's (namespaces(7)).</summary>
[Flags]
public enum NamespaceKinds
{
    None = 0,
    Mount = Libc.CloneNewNs,
    HostName = Libc.CloneNewUts,
    Ipc = Libc.CloneNewIpc,
    Process = Libc.CloneNewPid,
    Network = Libc.CloneNewNet,
}

/// <summary>A child process to be started, and where.</summary>
/// <remarks>
/// The child gets exactly three descriptors and those of <see cref="Inherit"/>; every other of ours is closed in it. Signals are
/// as they are for a new process: none blocked, none ignored. There is no "die with the parent": the kernel ties that to the
/// starting <i>thread</i>, which ends at once. A process namespace serves instead: when its first process ends, all end.
/// </remarks>
public sealed record SpawnOptions
{
    /// <summary>Path of the executable; no search.</summary>
    public required string Executable { get; init; }

    /// <summary>The arguments, without the program's own name.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>The name it is to see itself called by; the path where null.</summary>
    public string? Argument0 { get; init; }

    /// <summary>The whole environment; ours where null.</summary>
    public IReadOnlyDictionary<string, string>? Environment { get; init; }

    /// <summary>The folder it starts in, as seen in its mount namespace; where null ours, or the root of a mount namespace that it joins.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>What it reads from; /dev/null where null.</summary>
    public SafeHandle? Input { get; init; }

    /// <summary>Where it writes; /dev/null where null.</summary>
    public SafeHandle? Output { get; init; }

    /// <summary>Where it writes errors; /dev/null where null.</summary>
    public SafeHandle? Error { get; init; }

    /// <summary>Further descriptors, which it has as 3, 4 and so on.</summary>
    public IReadOnlyList<SafeHandle> Inherit { get; init; } = [];

    /// <summary>The network namespace to start in; the caller's where null.</summary>
    public NetworkNamespace? Network { get; init; }

    /// <summary>Namespaces to make for it. A new process namespace has it as its first process; a new mount namespace receives later mounts of ours, but gives none back.</summary>
    public NamespaceKinds New { get; init; }

    /// <summary>A process whose namespaces of the kinds in <see cref="JoinKinds"/> it is to share: how a command enters a running container.</summary>
    public ProcessHandle? Join { get; init; }

    public NamespaceKinds JoinKinds { get; init; } = NamespaceKinds.Mount | NamespaceKinds.HostName | NamespaceKinds.Ipc | NamespaceKinds.Process | NamespaceKinds.Network;

    /// <summary>Makes it the leader of a session of its own, so that no terminal's signals reach it and its group can be told from ours.</summary>
    public bool NewSession { get; init; } = true;

    /// <summary>Runs inside the namespaces right before the start, synchronously and alone: mounts, host name. It must not queue work.</summary>
    public Action? Prepare { get; init; }
}
