using System.Globalization;
using Fairlead.Lab;
using Spectre.Console;

namespace Fairlead.CommandLine;

/// <summary>Shows a lab to a person.</summary>
internal static class LabStatusView
{
    public static void Write(IAnsiConsole console, LabStatus lab)
    {
        WriteParts(console, lab);
        if (lab.Timings.Count > 0)
        {
            WriteTimings(console, lab);
        }

        foreach (var note in lab.Notes)
        {
            console.WriteLine($"note: {note}");
        }

        console.WriteLine();
        console.WriteLine($"export KUBECONFIG={lab.Kubeconfig}");
        console.WriteLine();
        console.WriteLine("Try:");
        foreach (var command in lab.Try)
        {
            console.WriteLine($"  {command}");
        }
    }

    private static void WriteParts(IAnsiConsole console, LabStatus lab)
    {
        var table = PlainTable.Create("WHAT", "WHERE", "ADDRESS", "STATE");
        PlainTable.Row(table, "API server, controllers, pod runtime", $"process {Text(lab.ProcessId)}", lab.ApiServer, lab.State);
        PlainTable.Row(table, "router", lab.Router, "", "");
        foreach (var node in lab.Nodes)
        {
            var agent = node.AgentProcessId is { } pid ? $"agent {Text(pid)}" : "agent down";
            PlainTable.Row(table, $"{node.Name}, pods {node.PodCidr ?? "-"}", node.Namespace, node.Address, $"{(node.Ready ? "Ready" : "NotReady")}, {agent}");
        }

        PlainTable.Row(table, "cluster DNS", "Service kube-system/kube-dns", lab.ClusterDns, "");
        foreach (var part in lab.Parts)
        {
            PlainTable.Row(table, part.Name, part.Node ?? "-", part.Address ?? "-", part.State);
        }

        foreach (var url in lab.Ingress.Http.Concat(lab.Ingress.Https))
        {
            PlainTable.Row(table, "ingress", "Service fairlead-ingress/ingress", url, "");
        }

        console.Write(table);
    }

    private static void WriteTimings(IAnsiConsole console, LabStatus lab)
    {
        console.WriteLine();
        var table = PlainTable.Create("PART", "SECONDS");
        foreach (var timing in lab.Timings)
        {
            PlainTable.Row(table, timing.Part, timing.Seconds.ToString("0.000", CultureInfo.InvariantCulture));
        }

        PlainTable.Row(table, "all", lab.Timings.Sum(t => t.Seconds).ToString("0.000", CultureInfo.InvariantCulture));
        console.Write(table);
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
