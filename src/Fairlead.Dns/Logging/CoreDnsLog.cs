using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Logging;

/// <summary>Writes log lines as CoreDNS does: <c>[WARNING] plugin/kubernetes: starting server with unsynced Kubernetes API</c>.</summary>
/// <remarks>Its own factory, not the host's: a DNS server starts in milliseconds, and building a logging host would be most of them.</remarks>
internal sealed class CoreDnsLog(TextWriter output) : ILoggerFactory
{
    private readonly ConcurrentDictionary<string, ILogger> _loggers = new(StringComparer.Ordinal);
    private readonly Lock _writing = new();

    /// <summary>A logger; categories such as <c>plugin/cache</c> stand in front of each line, the empty one does not.</summary>
    public ILogger CreateLogger(string categoryName) => _loggers.GetOrAdd(categoryName, static (name, log) => new Logger(log, name), this);

    public void AddProvider(ILoggerProvider provider)
    {
    }

    /// <summary>A line without a level: what CoreDNS prints at its start.</summary>
    public void Line(string text)
    {
        lock (_writing)
        {
            output.WriteLine(text);
            output.Flush();
        }
    }

    public void Dispose()
    {
    }

    private sealed class Logger(CoreDnsLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Information;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
            {
                return;
            }

            var level = logLevel switch
            {
                LogLevel.Information => "INFO",
                LogLevel.Warning => "WARNING",
                LogLevel.Error => "ERROR",
                _ => "FATAL",
            };
            var prefix = category.Length == 0 ? "" : $"{category}: ";
            log.Line($"[{level}] {prefix}{formatter(state, exception)}{(exception is null ? "" : $": {exception}")}");
        }
    }
}
