using Fairlead.Core.Telemetry;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.CommandLine;

/// <summary>Runs a role with a log, and turns how it ends into an exit code.</summary>
internal static class RoleRun
{
    public static async Task<int> RunAsync(string role, Func<ILoggerFactory, Task> run)
    {
        using var logging = RoleLogging.Create();
        using var end = new CancellationTokenSource();
        var memory = IdleMemory.WatchAsync(TimeProvider.System, end.Token);
        try
        {
            await run(logging);
            return ExitCode.Done;
        }
        catch (OperationCanceledException)
        {
            return ExitCode.Done;   // told to end; what it made in the kernel stays in force
        }
        catch (ArgumentException e)
        {
            ErrorView.Write(Console.Error, e.Message.Split(" (Parameter", StringSplitOptions.None)[0], $"fairlead {role} --help");
            return ExitCode.WrongUsage;
        }
        catch (Exception e) when (e is KubeConfigException or IOException or AggregateException { InnerExceptions: [IOException, ..] })
        {
            ErrorView.Write(Console.Error, e.Message, $"fairlead {role} --help");
            return ExitCode.Failed;
        }
        finally
        {
            await end.CancelAsync();
            await memory.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
