using System.Collections;
using System.Text;
using Fairlead.Linux;
using Fairlead.Linux.Processes;

namespace Fairlead.Cni.Runtime;

/// <summary>Runs a plugin as a process, in the node's namespace where one is given, and kills one that takes too long.</summary>
internal sealed class PluginProcess(CniRuntimeOptions options, TimeProvider time) : IPluginExecutor
{
    public async Task<PluginOutcome> RunAsync(PluginStart start, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(options.PluginTimeLimit, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, limit.Token);
        var spawn = new SpawnOptions
        {
            Executable = start.Executable,
            Environment = Variables(start.Variables),
            Network = options.NodeNamespace,
            NewSession = true,
        };
        try
        {
            var result = await Command.RunAsync(spawn, start.Input, either.Token);
            return new PluginOutcome(result.Status.ShellCode, result.Output, Encoding.UTF8.GetString(result.Error));
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException($"took longer than {options.PluginTimeLimit.TotalSeconds:0.#} s and was killed", e);
        }
        catch (LinuxException e)
        {
            throw new Protocol.CniException(Protocol.CniErrorCode.InputOutput, e.Message, inner: e);
        }
    }

    /// <summary>The caller's own environment, since the reference plugins find iptables by PATH, with the call's parameters in it.</summary>
    private static Dictionary<string, string> Variables(IReadOnlyDictionary<string, string> parameters)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
        {
            variables[(string)entry.Key] = (string?)entry.Value ?? "";
        }

        foreach (var (name, value) in parameters)
        {
            variables[name] = value;
        }

        return variables;
    }
}
