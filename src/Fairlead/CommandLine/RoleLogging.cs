using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Fairlead.CommandLine;

/// <summary>How a role logs: a line an event on its output, where <c>kubectl logs</c> and a service manager look.</summary>
internal static class RoleLogging
{
    public static ILoggerFactory Create(bool verbose = false) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(verbose ? LogLevel.Debug : LogLevel.Information)
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = CultureInfo.InvariantCulture.DateTimeFormat.UniversalSortableDateTimePattern + " ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        }));
}
