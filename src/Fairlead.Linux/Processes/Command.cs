namespace Fairlead.Linux.Processes;

/// <summary>What a command that ran to its end gave.</summary>
public sealed record CommandResult(ExitStatus Status, byte[] Output, byte[] Error);

/// <summary>Runs a command to its end, with input given and output taken.</summary>
public static class Command
{
    /// <summary>Starts the command of the options with pipes for input and outputs. Cancellation kills it.</summary>
    public static async Task<CommandResult> RunAsync(SpawnOptions options, ReadOnlyMemory<byte> input = default, CancellationToken ct = default)
    {
        using var stdin = Pipe.Create();
        using var stdout = Pipe.Create();
        using var stderr = Pipe.Create();
        using var process = ProcessHandle.Start(options with { Input = stdin.Reader, Output = stdout.Writer, Error = stderr.Writer });
        stdin.Reader.Dispose();
        stdout.Writer.Dispose();
        stderr.Writer.Dispose();
        await using var killing = ct.Register(() => process.Kill());
        var output = ReadAsync(stdout);
        var error = ReadAsync(stderr);
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
        return new(status, await output.WaitAsync(ct), await error.WaitAsync(ct));
    }

    private static async Task<byte[]> ReadAsync(Pipe pipe)
    {
        using var memory = new MemoryStream();
        await using var stream = new FileStream(pipe.Reader, FileAccess.Read, bufferSize: 0);
        await stream.CopyToAsync(memory);
        return memory.ToArray();
    }
}
