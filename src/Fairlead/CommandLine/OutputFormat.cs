using System.CommandLine;

namespace Fairlead.CommandLine;

/// <summary>The <c>-o</c> option: tables for people, JSON for programs.</summary>
internal static class OutputFormat
{
    public static Option<string> Option()
    {
        var option = new Option<string>("--output", "-o") { Description = "table or json", DefaultValueFactory = _ => "table", HelpName = "FORMAT" };
        option.AcceptOnlyFromAmong("table", "json");
        return option;
    }
}
