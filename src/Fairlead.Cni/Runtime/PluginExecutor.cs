namespace Fairlead.Cni.Runtime;

/// <summary>Runs a plugin's executable to its end.</summary>
internal interface IPluginExecutor
{
    /// <exception cref="TimeoutException">The plugin took too long and was killed.</exception>
    Task<PluginOutcome> RunAsync(PluginStart start, CancellationToken ct);
}

/// <summary>What a plugin is started with.</summary>
internal sealed record PluginStart(string Executable, IReadOnlyDictionary<string, string> Variables, ReadOnlyMemory<byte> Input);

/// <summary>How a plugin ended and what it wrote.</summary>
internal sealed record PluginOutcome(int ExitCode, ReadOnlyMemory<byte> Output, string Error);
