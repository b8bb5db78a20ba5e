using System.Text.RegularExpressions;
using Fairlead.Dns.Corefile;
using Fairlead.Dns.Server;
using Fairlead.Dns.Wire;
using Microsoft.Extensions.Logging;

namespace Fairlead.Dns.Plugins.Errors;

/// <summary>Logs queries that ended in an error, and joins repeated ones when asked to (<c>consolidate DURATION REGEXP</c>).</summary>
internal sealed partial class ErrorsPlugin(ErrorsPlugin.Consolidation[] rules, ILogger logger) : IDnsPlugin, IAsyncDisposable
{
    public string Name => "errors";

    public static IPlugin Parse(Directive directive, PluginSetup setup)
    {
        setup.Once(directive);

        // `errors stdout` is what old Corefiles say; there never was another place.
        if (directive.AtMost(1).Arguments is [var place] && place is not "stdout")
        {
            throw directive.Error($"'{place}': errors are written to stdout only");
        }

        var logger = setup.Logger("errors");
        // `stacktrace` asks for what our exceptions always show.
        var rules = directive.Body.Where(line => line.Name is not "stacktrace");
        return new ErrorsPlugin([.. rules.Select(line => ParseRule(line, setup.Time))], logger);
    }

    public ValueTask HandleAsync(DnsContext context, DnsDelegate next, CancellationToken ct)
    {
        // Most queries end here and now; only those that wait pay for a state machine.
        ValueTask pending;
        try
        {
            pending = next(context, ct);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Fail(context, e);
            return ValueTask.CompletedTask;
        }

        if (!pending.IsCompletedSuccessfully)
        {
            return LaterAsync(pending, context);
        }

        ReportProblem(context);
        return ValueTask.CompletedTask;
    }

    public ValueTask DisposeAsync()
    {
        foreach (var rule in rules)
        {
            rule.Flush(logger);
        }

        return ValueTask.CompletedTask;
    }

    private async ValueTask LaterAsync(ValueTask pending, DnsContext context)
    {
        try
        {
            await pending;
            ReportProblem(context);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Fail(context, e);
        }
    }

    private void ReportProblem(DnsContext context)
    {
        if (context.Problem is { } problem)
        {
            Report(context, problem);
        }
    }

    private void Fail(DnsContext context, Exception e)
    {
        Report(context, e.Message);
        context.Fail(ResponseCode.ServerFailure);
    }

    private static Consolidation ParseRule(Directive line, TimeProvider time)
    {
        if (line.Name is not "consolidate")
        {
            throw line.UnknownProperty();
        }

        line.AtLeast(2).AtMost(3);
        if (!GoDuration.TryParse(line.Arguments[0], out var period) || period <= TimeSpan.Zero)
        {
            throw line.Error($"'{line.Arguments[0]}' is not a duration");
        }

        try
        {
            var level = line.Arguments is [_, _, var name] ? ParseLevel(line, name) : LogLevel.Error;
            return new Consolidation(period, new Regex(line.Arguments[1], RegexOptions.NonBacktracking | RegexOptions.CultureInvariant), level, time);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw line.Error($"'{line.Arguments[1]}' is not a regular expression: {e.Message}", e);
        }
    }

    private static LogLevel ParseLevel(Directive line, string name) => name switch
    {
        "warning" => LogLevel.Warning,
        "error" => LogLevel.Error,
        "info" => LogLevel.Information,
        "debug" => LogLevel.Debug,
        _ => throw line.Error($"'{name}' is not a log level"),
    };

    private void Report(DnsContext context, string error)
    {
        foreach (var rule in rules)
        {
            if (rule.TryCount(error, logger))
            {
                return;
            }
        }

        // CoreDNS's "2" is the response code SERVFAIL.
        LogError(2, DnsName.Format(context.NameAsSpelled), Mnemonic.Of(context.Type), error);
    }

    [LoggerMessage(LogLevel.Error, "{Code} {Name} {Type}: {Error}")]
    private partial void LogError(int code, string name, string type, string error);

    /// <summary>Errors of one kind, counted and told once a period.</summary>
    internal sealed partial class Consolidation(TimeSpan period, Regex pattern, LogLevel level, TimeProvider time)
    {
        private int _count;
        private ITimer? _timer;

        public bool TryCount(string error, ILogger logger)
        {
            if (!pattern.IsMatch(error))
            {
                return false;
            }

            if (Interlocked.Increment(ref _count) == 1)
            {
                _timer?.Dispose();
                _timer = time.CreateTimer(_ => Flush(logger), null, period, Timeout.InfiniteTimeSpan);
            }

            return true;
        }

        public void Flush(ILogger logger)
        {
            var count = Interlocked.Exchange(ref _count, 0);
            if (count > 0)
            {
                LogConsolidated(logger, level, count, pattern.ToString(), GoDuration.Format(period));
            }
        }

        [LoggerMessage("{Count} errors like '{Pattern}' occurred in last {Period}")]
        private static partial void LogConsolidated(ILogger logger, LogLevel level, int count, string pattern, string period);
    }
}
