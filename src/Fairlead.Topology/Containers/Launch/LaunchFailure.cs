using System.Text;
using Fairlead.Linux.Processes;
using Fairlead.Topology.Containers.Logs;

namespace Fairlead.Topology.Containers.Launch;

/// <summary>Tells a program that failed from one that the launcher could not start at all.</summary>
public static class LaunchFailure
{
    private const string Prefix = "fairlead-pod: ";
    private const int FirstCode = 125;
    private const int LastCode = 127;
    private const int Kept = 2048;

    /// <summary>The launcher's message, where it ended before it became the program.</summary>
    public static string? Of(ExitStatus status, ContainerLog log)
    {
        if (status.ExitCode is not (>= FirstCode and <= LastCode))
        {
            return null;
        }

        var first = Text(log, log.Extent.Start).FirstOrDefault() ?? "";
        return first.StartsWith(Prefix, StringComparison.Ordinal) ? first[Prefix.Length..] : null;
    }

    /// <summary>The end of the output.</summary>
    public static string? LastLines(ContainerLog log)
    {
        var (start, end) = log.Extent;
        var from = Math.Max(start, end - Kept);
        var lines = Text(log, from).Skip(from > start ? 1 : 0).ToList();
        return lines.Count == 0 ? null : string.Join('\n', lines) + '\n';
    }

    private static IEnumerable<string> Text(ContainerLog log, long position)
    {
        var buffer = new byte[Kept];
        var read = log.Read(ref position, buffer);
        return Encoding.UTF8.GetString(buffer, 0, read).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', 4) is [_, _, _, var text] ? text : "");
    }
}
