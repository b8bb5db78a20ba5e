using System.Globalization;
using Microsoft.Extensions.Logging;

namespace Fairlead.Lab.State;

/// <summary>Writes the lab's log: a line an event, in one file of bounded size with one older file beside it.</summary>
public sealed class LabLog(string path, TimeProvider time, LogLevel least = LogLevel.Information) : ILoggerProvider
{
    private const long LargestFile = 8 << 20;
    private readonly Lock _lock = new();
    private StreamWriter? _file;

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName[(categoryName.LastIndexOf('.') + 1)..]);

    public void Dispose()
    {
        lock (_lock)
        {
            _file?.Dispose();
            _file = null;
        }
    }

    private void Write(LogLevel level, string category, string message, Exception? exception)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"{time.GetUtcNow():yyyy-MM-ddTHH:mm:ss.fffZ} {level,-11} {category}: {message}");
        lock (_lock)
        {
            _file ??= new StreamWriter(path, new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete }) { AutoFlush = true };
            _file.WriteLine(line);
            if (exception is not null)
            {
                _file.WriteLine(exception);
            }

            if (_file.BaseStream.Length > LargestFile)
            {
                _file.Dispose();
                File.Move(path, path + ".1", overwrite: true);
                _file = null;
            }
        }
    }

    private sealed class Logger(LabLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull
            => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= log.Least(category);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                log.Write(logLevel, category, formatter(state, exception), exception);
            }
        }
    }

    /// <summary>The web server's own lines about each request are noise here.</summary>
    private LogLevel Least(string category) => category is "Diagnostics" or "Kestrel" or "Lifetime" ? LogLevel.Warning : least;
}
