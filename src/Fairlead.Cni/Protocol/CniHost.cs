using Fairlead.Cni.AgentSocket;

namespace Fairlead.Cni.Protocol;

/// <summary>Everything a plugin may touch of its process. Tests make their own; <c>Main</c> passes the real one.</summary>
internal sealed record CniHost(Func<string, string?> GetVariable, Stream Input, Stream Output, TextWriter Error)
{
    /// <summary>The name that the program was started by, without its folder: it selects the plugin.</summary>
    public string ProgramName { get; init; } = "fairlead-cni";

    /// <summary>The executable that runs, links resolved: a delegate that resolves to the same file is called in process.</summary>
    public string? Executable { get; init; }

    /// <summary>Whether this is the node's agent, at work for a plugin that has asked it.</summary>
    public bool IsAgent { get; init; }

    /// <summary>Asked before a pod is plugged in; only the agent has one.</summary>
    public IPodAdmission? Admission { get; init; }
}
