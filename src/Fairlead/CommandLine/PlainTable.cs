using Spectre.Console;

namespace Fairlead.CommandLine;

/// <summary>A table as kubectl prints them: no lines, columns apart by spaces.</summary>
internal static class PlainTable
{
    public static Table Create(params ReadOnlySpan<string> columns)
    {
        var table = new Table().NoBorder();
        foreach (var column in columns)
        {
            table.AddColumn(new TableColumn(column.EscapeMarkup()).NoWrap().PadLeft(0).PadRight(3));
        }

        return table;
    }

    public static void Row(Table table, params string[] cells) => table.AddRow([.. cells.Select(c => new Text(c))]);
}
