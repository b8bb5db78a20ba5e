using System.Globalization;

namespace Fairlead.Lab.Workloads;

/// <summary>What <c>fairlead workload http</c> serves, from its arguments and the container's environment.</summary>
internal sealed record HttpWorkloadOptions
{
    public int Port { get; init; } = 8080;

    /// <summary>The body at <c>/</c>; null echoes requests.</summary>
    public string? Text { get; init; }

    /// <summary>The status that every path answers with <see cref="Text"/>; null answers 200 at <c>/</c> and 404 elsewhere.</summary>
    public int? Status { get; init; }

    /// <summary>The folder to serve; null serves none.</summary>
    public string? Root { get; init; }

    /// <summary>How long requests are still answered after the end was asked for.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(2);

    public string Pod { get; init; } = "";

    public string Namespace { get; init; } = "";

    public string Node { get; init; } = "";

    /// <summary>Reads arguments of the form <c>--name value</c> and <c>--name=value</c>.</summary>
    /// <exception cref="FormatException">An argument is unknown or has no sensible value.</exception>
    public static HttpWorkloadOptions Parse(IReadOnlyList<string> args, Func<string, string?> variable)
    {
        var options = new HttpWorkloadOptions
        {
            Pod = variable("POD_NAME") ?? variable("HOSTNAME") ?? Environment.MachineName,
            Namespace = variable("POD_NAMESPACE") ?? "",
            Node = variable("NODE_NAME") ?? "",
            Text = variable("TEXT"),
            Port = variable("PORT") is { Length: > 0 } port ? PortNumber("PORT", port) : 8080,
        };

        for (var i = 0; i < args.Count; i++)
        {
            var (name, value) = args[i].Split('=', 2) is [var left, var right] ? (left, right) : (args[i], null);
            value ??= i + 1 < args.Count ? args[++i] : throw new FormatException($"{name} needs a value");
            options = name switch
            {
                "--port" => options with { Port = PortNumber(name, value) },
                "--text" => options with { Text = value },
                "--status" => options with { Status = StatusCode(name, value) },
                "--root" => options with { Root = Folder(name, value) },
                "--drain" => options with { Drain = Seconds(name, value) },
                _ => throw new FormatException($"unknown argument {name}; there are --port, --text, --status, --root and --drain"),
            };
        }

        return options;
    }

    private static string Folder(string name, string value)
        => Directory.Exists(value) ? value : throw new FormatException($"{name}: there is no folder {value}");

    private static int PortNumber(string name, string value)
        => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 0 and <= 65535
            ? port
            : throw new FormatException($"{name}: '{value}' is no port");

    private static int StatusCode(string name, string value)
        => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var status) && status is >= 200 and <= 599
            ? status
            : throw new FormatException($"{name}: '{value}' is no status of an answer");

    private static TimeSpan Seconds(string name, string value)
        => double.TryParse(value.AsSpan().TrimEnd('s'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)
            && seconds <= 3600
            ? TimeSpan.FromSeconds(seconds)
            : throw new FormatException($"{name}: '{value}' is no number of seconds");
}
