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
        var table = Plain("WHAT", "WHERE", "ADDRESS", "STATE");
        Row(table, "API server, controllers, pod runtime", $"process {Text(lab.ProcessId)}", lab.ApiServer, lab.State);
        Row(table, "router", lab.Router, "", "");
        foreach (var node in lab.Nodes)
        {
            var agent = node.AgentProcessId is { } pid ? $"agent {Text(pid)}" : "agent down";
            Row(table, $"{node.Name}, pods {node.PodCidr ?? "-"}", node.Namespace, node.Address, $"{(node.Ready ? "Ready" : "NotReady")}, {agent}");
        }

        Row(table, "cluster DNS", "Service kube-system/kube-dns", lab.ClusterDns, "");
        foreach (var part in lab.Parts)
        {
            Row(table, part.Name, part.Node ?? "-", part.Address ?? "-", part.State);
        }

        foreach (var url in lab.Ingress.Http.Concat(lab.Ingress.Https))
        {
            Row(table, "ingress", "Service fairlead-ingress/ingress", url, "");
        }

        console.Write(table);
    }

    private static void WriteTimings(IAnsiConsole console, LabStatus lab)
    {
        console.WriteLine();
        var table = Plain("PART", "SECONDS");
        foreach (var timing in lab.Timings)
        {
            Row(table, timing.Part, timing.Seconds.ToString("0.000", CultureInfo.InvariantCulture));
        }

        Row(table, "all", lab.Timings.Sum(t => t.Seconds).ToString("0.000", CultureInfo.InvariantCulture));
        console.Write(table);
    }

    /// <summary>A table as kubectl prints them: no lines, columns apart by spaces.</summary>
    private static Table Plain(params ReadOnlySpan<string> columns)
    {
        var table = new Table().NoBorder();
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(column.EscapeMarkup()).NoWrap().PadLeft(0).PadRight(3));
        }

        return table;
    }

    private static void Row(Table table, params string[] cells) => table.AddRow([.. cells.Select(c => new Text(c))]);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
