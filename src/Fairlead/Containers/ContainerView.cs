using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Fairlead.CommandLine;
using Fairlead.Topology.Containers.State;
using Spectre.Console;

namespace Fairlead.Containers;

/// <summary>A container as a program reads it.</summary>
internal sealed record ContainerSummary(
    string Id, string Name, string State, string Network, IReadOnlyList<string> Addresses, string HostName, IReadOnlyList<string> Ports, IReadOnlyList<string> Command,
    DateTimeOffset Created, DateTimeOffset? Started, DateTimeOffset? Finished, int? ExitCode, int? ProcessId);

/// <summary>Shows containers.</summary>
internal static class ContainerView
{
    private const int LongestCommand = 40;

    public static string ToJson(IEnumerable<ContainerRecord> containers)
        => JsonSerializer.Serialize(containers.Select(Summary).ToArray(), ViewJson.Default.ContainerSummaryArray);

    public static void Write(IAnsiConsole console, IEnumerable<ContainerRecord> containers, DateTimeOffset now)
    {
        var table = PlainTable.Create("ID", "NAME", "NETWORK", "ADDRESS", "STATUS", "PORTS", "COMMAND");
        foreach (var container in containers)
        {
            var command = string.Join(' ', container.Options.Command);
            PlainTable.Row(
                table, container.Id[..12], container.Name, container.Options.Network, Or(string.Join(",", container.Addresses.Select(a => a.Split('/')[0]))), Status(container, now),
                Or(string.Join(",", container.Options.Ports)), command.Length > LongestCommand ? command[..(LongestCommand - 1)] + "…" : command);
        }

        console.Write(table);
    }

    private static ContainerSummary Summary(ContainerRecord container) => new(
        container.Id, container.Name, container.State.ToString().ToLowerInvariant(), container.Options.Network, [.. container.Addresses.Select(a => a.Split('/')[0])], container.HostName,
        [.. container.Options.Ports.Select(p => p.ToString())], container.Options.Command, container.Created, container.Started, container.Finished, container.ExitCode, container.Process?.Id);

    private static string Status(ContainerRecord container, DateTimeOffset now) => container switch
    {
        { State: ContainerState.Running, Started: { } since } => $"Up {Age(now - since)}",
        { State: ContainerState.Exited, Finished: { } at } => string.Create(CultureInfo.InvariantCulture, $"Exited ({container.ExitCode}) {Age(now - at)} ago"),
        _ => container.State.ToString(),
    };

    private static string Age(TimeSpan age) => age switch
    {
        { TotalMinutes: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (int)age.TotalSeconds)} s"),
        { TotalHours: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalMinutes} min"),
        { TotalDays: < 2 } => string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalHours} h"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{(int)age.TotalDays} d"),
    };

    private static string Or(string text) => text.Length == 0 ? "-" : text;
}

/// <summary>The JSON of what is shown, made at compile time.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ContainerSummary[]))]
internal sealed partial class ViewJson : JsonSerializerContext;
