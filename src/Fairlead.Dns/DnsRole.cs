using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Logging;
using Fairlead.Dns.Plugins.Reload;
using Fairlead.Dns.Server;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns;

/// <summary>The DNS role: <c>fairlead dns</c>, and <c>coredns</c> when the program is started by that name.</summary>
public static partial class DnsRole
{
    /// <summary>Serves until cancelled.</summary>
    /// <returns>0 when ended by cancellation, 1 when the server could not start or had to stop.</returns>
    public static async Task<int> RunAsync(DnsOptions options, CancellationToken ct)
    {
        if (options.PrintVersion)
        {
            options.Output.WriteLine(VersionLines());
            return 0;
        }

        if (options.ListPlugins)
        {
            options.Output.WriteLine("Server types:\n  dns\n\nOther plugins:\n" + string.Join('\n', Plugins.Plugins.InOrder.Select(p => $"  dns.{p.Name}")));
            return 0;
        }

        using var log = new CoreDnsLog(options.Output);
        var logger = log.CreateLogger("");
        try
        {
            if (options.PidFile is { } pidFile)
            {
                await File.WriteAllTextAsync(pidFile, Environment.ProcessId.ToString(CultureInfo.InvariantCulture) + "\n", ct);
            }

            return await ServeAsync(options, log, logger, ct);
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return 0;
        }
        catch (Exception e) when (e is CorefileException or IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            log.Line(e.Message);
            return 1;
        }
    }

    private static async Task<int> ServeAsync(DnsOptions options, CoreDnsLog log, ILogger logger, CancellationToken ct)
    {
        var document = DnsServer.Load(options);
        await using var server = new DnsServer(options, log);
        await server.StartAsync(document, ct);
        if (!options.Quiet)
        {
            foreach (var line in server.Banner)
            {
                log.Line(line);
            }

            ReloadPlugin.LogRunning(log.CreateLogger("plugin/reload"), document);
            log.Line(VersionLines());
        }

        options.Started?.Invoke(server);

        // SIGUSR1 is how people ask CoreDNS to read its Corefile again. 10 is its number on every Linux we run on.
        using var signal = PosixSignalRegistration.Create((PosixSignal)10, context =>
        {
            context.Cancel = true;
            _ = server.ReloadAsync(CancellationToken.None);
        });
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = ct.Register(() => stopped.TrySetResult());
        if (await Task.WhenAny(stopped.Task, server.Aborted) != stopped.Task)
        {
            LogAborted(logger, await server.Aborted);
            return 1;
        }

        if (server.LameDuck > TimeSpan.Zero)
        {
            LogLameDuck(log.CreateLogger("plugin/health"), GoDuration.Format(server.LameDuck));
            await Task.Delay(server.LameDuck, options.Time, CancellationToken.None);
        }

        return 0;
    }

    private static string VersionLines()
    {
        var version = typeof(DnsRole).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";
        var architecture = RuntimeInformation.OSArchitecture switch { Architecture.X64 => "amd64", Architecture.Arm64 => "arm64", var other => other.ToString() };
        return $"Fairlead-{version}\nlinux/{architecture}, .NET {Environment.Version}";
    }

    [LoggerMessage(LogLevel.Critical, "{Reason}")]
    private static partial void LogAborted(ILogger logger, string reason);

    [LoggerMessage(LogLevel.Information, "Going into lameduck mode for {Duration}")]
    private static partial void LogLameDuck(ILogger logger, string duration);
}
