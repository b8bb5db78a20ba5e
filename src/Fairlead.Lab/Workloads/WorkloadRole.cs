using System.Net.Sockets;

namespace Fairlead.Lab.Workloads;

/// <summary>The programs of the built-in images: <c>fairlead workload NAME …</c>.</summary>
public static class WorkloadRole
{
    private const int Failed = 1;
    private const int WrongUsage = 2;

    /// <summary>Runs a program until the token says that it is to end (SIGTERM), and returns its exit code.</summary>
    /// <param name="args">The program's name, then its arguments.</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, TextWriter output, TextWriter error, CancellationToken ct)
    {
        if (args is not ["http", ..])
        {
            await error.WriteLineAsync(
                $"fairlead workload: {(args.Count == 0 ? "name a program" : $"no program '{args[0]}'")}; there is: http");
            return WrongUsage;
        }

        try
        {
            return await HttpAsync([.. args.Skip(1)], output, ct);
        }
        catch (FormatException e)
        {
            await error.WriteLineAsync($"fairlead workload http: {e.Message}");
            return WrongUsage;
        }
        catch (IOException e) when (e.InnerException is SocketException or Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            await error.WriteLineAsync($"fairlead workload http: {e.Message}");
            return Failed;
        }
    }

    private static async Task<int> HttpAsync(IReadOnlyList<string> args, TextWriter output, CancellationToken ct)
    {
        var options = HttpWorkloadOptions.Parse(args, Environment.GetEnvironmentVariable);
        await using var workload = new HttpWorkload(options, TimeProvider.System);
        await workload.RunAsync(w => output.WriteLine($"listening on {w.Port}"), ct);
        return 0;
    }
}
