using System.Collections;
using System.Text;
using Fairlead.Cni.Protocol;
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
            return await RunAsync(spawn, start.Input, either.Token);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new TimeoutException($"took longer than {options.PluginTimeLimit.TotalSeconds:0.#} s and was killed", e);
        }
        catch (LinuxException e)
        {
            throw new CniException(CniErrorCode.InputOutput, e.Message, inner: e);
        }
    }

    private async Task<PluginOutcome> RunAsync(SpawnOptions spawn, ReadOnlyMemory<byte> input, CancellationToken ct)
    {
        using var stdin = Pipe.Create();
        using var stdout = Pipe.Create();
        using var stderr = Pipe.Create();
        using var process = ProcessHandle.Start(spawn with { Input = stdin.Reader, Output = stdout.Writer, Error = stderr.Writer });
        stdin.Reader.Dispose();
        stdout.Writer.Dispose();
        stderr.Writer.Dispose();

        // With all it started: a plugin leads a session of its own, and a delegate left behind would go on changing things.
        await using var killing = ct.Register(() => Libc.KillGroup(process.Id));
        var output = ReadAsync(stdout, process);
        var error = ReadAsync(stderr, process);
        try
        {
            await using var stream = new FileStream(stdin.Writer, FileAccess.Write, bufferSize: 0);
            await stream.WriteAsync(input, CancellationToken.None);
        }
        catch (IOException)
        {
            // It ended, or closed its input, without reading all: its status says what that means.
        }

        var status = await process.WaitAsync(CancellationToken.None);
        ct.ThrowIfCancellationRequested();
        return new PluginOutcome(status.ShellCode, await output.WaitAsync(ct), Encoding.UTF8.GetString(await error.WaitAsync(ct)));
    }

    private async Task<byte[]> ReadAsync(Pipe pipe, ProcessHandle process)
    {
        using var memory = new MemoryStream();
        await using var stream = new FileStream(pipe.Reader, FileAccess.Read, bufferSize: 0);
        var part = new byte[4096];
        while (await stream.ReadAsync(part) is > 0 and var count)
        {
            if (memory.Length + count > options.MaximumOutput)
            {
                Libc.KillGroup(process.Id);
                throw new CniException(CniErrorCode.InputOutput, $"wrote more than {options.MaximumOutput} bytes and was killed");
            }

            memory.Write(part, 0, count);
        }

        return memory.ToArray();
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
