using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Plugins.Reload;

/// <summary>Looks at the Corefile every so often and has the server take on a changed one.</summary>
internal sealed partial class ReloadPlugin : IAfterStart, IAsyncDisposable
{
    private static readonly TimeSpan s_minInterval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_minJitter = TimeSpan.FromSeconds(1);
    private readonly PluginEnvironment _environment;
    private readonly TimeSpan _interval;
    private readonly TimeSpan _jitter;
    private readonly CancellationTokenSource _stop = new();

    private ReloadPlugin(PluginEnvironment environment, TimeSpan interval, TimeSpan jitter)
        => (_environment, _interval, _jitter) = (environment, interval, jitter);

    public string Name => "reload";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);
        directive.AtMost(2).NoBody();
        var interval = TimeSpan.FromSeconds(30);
        var jitter = TimeSpan.FromSeconds(15);
        if (directive.Arguments is ["off"])
        {
            return new ReloadPlugin(setup.Environment, TimeSpan.Zero, TimeSpan.Zero);
        }

        if (directive.Arguments.Length > 0)
        {
            interval = Duration(directive, directive.Arguments[0]);
            jitter = directive.Arguments.Length > 1 ? Duration(directive, directive.Arguments[1]) : interval / 2;
        }

        // The same floors as CoreDNS's; a jitter above half the interval would make the interval a lie.
        interval = interval < s_minInterval ? s_minInterval : interval;
        jitter = jitter < s_minJitter ? s_minJitter : jitter;
        jitter = jitter > interval / 2 ? interval / 2 : jitter;
        return new ReloadPlugin(setup.Environment, interval, jitter);
    }

    /// <summary>Says which configuration is in force, as CoreDNS does and as people compare replicas by.</summary>
    public static void LogRunning(ILogger logger, CorefileDocument document) => LogFingerprint(logger, document.Fingerprint);

    public Task ListeningAsync(System.Collections.Immutable.ImmutableArray<System.Net.IPEndPoint> addresses, CancellationToken ct)
    {
        // Every block may say `reload`; one watcher is enough, and a configuration that was replaced must not watch on.
        if (_interval > TimeSpan.Zero && ReferenceEquals(_environment.All.OfType<ReloadPlugin>().First(), this))
        {
            _ = WatchAsync(_stop.Token);
        }

        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        _stop.Cancel();
        return ValueTask.CompletedTask;
    }

    private async Task WatchAsync(CancellationToken ct)
    {
        while (true)
        {
            var wait = _interval + (_jitter * ((Random.Shared.NextDouble() * 2) - 1));
            await Task.Delay(wait, _environment.Time, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (ct.IsCancellationRequested)
            {
                return;
            }

            // When it takes effect this plugin is disposed of, and its successor watches.
            await _environment.Reload(CancellationToken.None);
        }
    }

    private static TimeSpan Duration(Directive directive, string text)
        => GoDuration.TryParse(text, out var value) ? value : throw directive.Error($"'{text}' is not a duration: write it like 30s");

    [LoggerMessage(LogLevel.Information, "Running configuration SHA512 = {Fingerprint}")]
    private static partial void LogFingerprint(ILogger logger, string fingerprint);
}
