using System.Globalization;
using Fairlead.Topology.Views;
using Spectre.Console;

namespace Fairlead.CommandLine;

/// <summary>Shows a host's network to a person.</summary>
internal static class HostViewTables
{
    public static void Write(IAnsiConsole console, HostView host)
    {
        console.WriteLine($"{host.Name}: IPv4 forwarding {OnOff(host.Forwarding.IPv4)}, IPv6 forwarding {OnOff(host.Forwarding.IPv6)}");
        console.WriteLine();
        Table(console, ["INTERFACE", "KIND", "STATE", "MAC", "MTU", "SWITCH", "PEER", "ADDRESSES", "TOPOLOGY"], host.Interfaces.Select(i =>
            new[] { i.Name, i.Kind, i.State, i.Mac ?? "-", Text(i.Mtu), i.Master ?? "-", i.Peer ?? "-", i.Addresses.IsEmpty ? "-" : string.Join(' ', i.Addresses), i.Owner ?? "-" }));
        Table(console, ["ROUTE", "VIA", "INTERFACE", "SOURCE", "BY"], host.Routes.Select(r =>
            new[] { r.Destination, r.Via ?? "-", r.Interface ?? "-", r.Source ?? "-", r.Protocol }));
        Table(console, ["NEIGHBOUR", "MAC", "INTERFACE", "STATE"], host.Neighbours.Select(n => new[] { n.Address, n.Mac ?? "-", n.Interface ?? "-", n.State }));
        Table(console, ["NAT RULE", "TABLE", "CHAIN", "PACKETS", "BYTES"], host.Rules.Select(r =>
            new[] { r.Comment ?? r.Rule, r.Table, r.Chain, r.Packets?.ToString(CultureInfo.InvariantCulture) ?? "-", r.Bytes?.ToString(CultureInfo.InvariantCulture) ?? "-" }));
    }

    private static void Table(IAnsiConsole console, string[] columns, IEnumerable<string[]> rows)
    {
        var table = new Table().NoBorder();
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(column.EscapeMarkup()).NoWrap().PadLeft(0).PadRight(3));
        }

        foreach (var row in rows)
        {
            table.AddRow([.. row.Select(c => new Text(c))]);
        }

        if (table.Rows.Count > 0)
        {
            console.Write(table);
            console.WriteLine();
        }
    }

    private static string OnOff(bool? on) => on switch { true => "on", false => "off", null => "absent" };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
