using System.Globalization;
using Fairlead.Lab;
using Fairlead.Linux.Namespaces;
using Fairlead.Topology;

namespace Fairlead.Commands.Net;

/// <summary>Finds the namespace that a person means: the machine's, a named one, a host of a topology, or a process's.</summary>
internal static class NetHost
{
    public const string Description = "machine, a host, any namespace that ip netns lists, or pid:N";

    private const string ProcessPrefix = "pid:";

    /// <summary>Opens it; null is the machine's own.</summary>
    public static NetworkNamespace? Open(string? host)
    {
        if (host is null or TopologyHost.Machine)
        {
            return null;
        }

        if (host.StartsWith(ProcessPrefix, StringComparison.Ordinal))
        {
            return int.TryParse(host.AsSpan(ProcessPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var id) && Directory.Exists($"/proc/{id}")
                ? NetworkNamespace.OpenProcess(id)
                : throw new LabException($"there is no process '{host[ProcessPrefix.Length..]}'", "ps -e");
        }

        if (host.Contains('/', StringComparison.Ordinal) || host is "." or ".." or "")
        {
            throw new LabException($"'{host}' cannot be the name of a host", "fairlead net show --help") { IsWrongUsage = true };
        }

        var name = NetworkNamespace.Exists(host) ? host : NetFile.Store().FindNamespace(host) ?? host;
        return NetworkNamespace.Exists(name)
            ? NetworkNamespace.Open(name)
            : throw new LabException($"there is no host or namespace '{host}'", Known());
    }

    private static string Known()
    {
        const int Enough = 12;
        var names = NetworkNamespace.List();
        return names.Count == 0 ? "fairlead net apply -f FILE, which makes hosts" : $"one of {string.Join(", ", names.Take(Enough))}{(names.Count > Enough ? " …" : "")}";
    }
}
