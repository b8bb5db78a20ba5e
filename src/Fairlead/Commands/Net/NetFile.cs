using System.CommandLine;
using Fairlead.Lab;
using Fairlead.Topology;
using Fairlead.Topology.State;
using Fairlead.Topology.Yaml;

namespace Fairlead.Commands.Net;

/// <summary>What the commands of <c>fairlead net</c> share: the file, the right to do it, and how steps are told.</summary>
internal static class NetFile
{
    public static Option<string> Option(bool required) => new("--file", "-f") { Description = "the topology's file; - is the standard input", HelpName = "FILE", Required = required };

    public static string ReadText(string file) => file == "-" ? Console.In.ReadToEnd() : File.ReadAllText(file);

    public static NetworkTopology Parse(string text, string file) => TopologyFile.Parse(text, file);

    /// <summary>Refuses with the name of the capability before anything is tried.</summary>
    public static void RequireRights(string command, params ReadOnlySpan<string> capabilities)
    {
        if (Privileges.Missing(capabilities) is { } missing)
        {
            throw new LabException($"this needs the capability {missing}, which this process does not have", $"sudo fairlead net {command}");
        }
    }

    /// <summary>Whether a topology has namespaces to be made, or only the machine's own.</summary>
    public static void RequireRights(string command, NetworkTopology topology)
    {
        if (topology.Hosts.Any(h => !h.IsMachine))
        {
            RequireRights(command, "CAP_NET_ADMIN", "CAP_SYS_ADMIN");
        }
        else
        {
            RequireRights(command, "CAP_NET_ADMIN");
        }
    }

    /// <summary>Where a person watches, progress is told on one line that is written over.</summary>
    public static Action<string>? Progress() => Console.IsErrorRedirected ? null : text => Console.Error.Write($"\r\x1b[K{text}");

    public static void EndProgress()
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write("\r\x1b[K");
        }
    }

    public static void Write(string topology, TopologyPlan plan, bool json, string? note)
    {
        if (json)
        {
            Console.Out.WriteLine(NetPlanJson.Write(topology, plan));
            return;
        }

        Console.Out.Write(plan.ToString());
        if (note is not null)
        {
            Console.Out.WriteLine(note);
        }
    }

    public static TopologyStore Store() => TopologyStore.Default();

    public static string Count(TopologyPlan plan) => plan.Steps.Length == 1 ? "1 change" : $"{plan.Steps.Length} changes";
}
