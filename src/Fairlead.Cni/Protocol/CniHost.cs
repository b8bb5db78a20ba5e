namespace Fairlead.Cni.Protocol;

/// <summary>Everything a plugin may touch of its process. Tests make their own; <c>Main</c> passes the real one.</summary>
internal sealed record CniHost(Func<string, string?> GetVariable, Stream Input, Stream Output, TextWriter Error)
{
    /// <summary>The name that the program was started by, without its folder: it selects the plugin.</summary>
    public string ProgramName { get; init; } = "fairlead-cni";

    /// <summary>The executable that runs, links resolved: a delegate that resolves to the same file is called in process.</summary>
    public string? Executable { get; init; }
}
