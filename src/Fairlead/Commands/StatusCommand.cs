using System.CommandLine;
using Fairlead.CommandLine;
using Fairlead.Lab;
using Fairlead.Lab.State;

namespace Fairlead.Commands;

/// <summary><c>fairlead status</c>: what runs where.</summary>
internal sealed class StatusCommand : FairleadCommand
{
    private readonly Option<string> _name = UpOptions.LabName();
    private readonly Option<string> _output = OutputFormat.Option();
    private readonly TimeProvider _time;

    public StatusCommand(TimeProvider time)
        : base("status", "Shows what runs where in a lab.")
    {
        _time = time;
        Options.Add(_name);
        Options.Add(_output);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead status", "the table that `fairlead up` ended with, as things are now"),
        ("fairlead status -o json", "the same for a program; exit code 1 when there is no such lab or it was killed"),
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var paths = new LabPaths(LabPaths.StateRoot(), parsed.GetValue(_name)!);
        var record = LabRecord.Read(paths) ?? throw new LabException($"there is no lab '{paths.Name}' under {LabPaths.StateRoot()}", $"fairlead up --name {paths.Name}");
        var status = await LabInspector.InspectAsync(paths, record, _time, ct);
        if (parsed.GetValue(_output) == "json")
        {
            Console.Out.WriteLine(status.ToJson());
        }
        else
        {
            LabStatusView.Write(People.Console(), status);
        }

        if (status.State == "dead")
        {
            ErrorView.Write(Console.Error, $"the process of lab '{paths.Name}' was killed", $"'fairlead up --name {paths.Name}' cleans what is left and brings its objects back; 'fairlead down --name {paths.Name}' removes all of it");
            return ExitCode.Failed;
        }

        return ExitCode.Done;
    }
}
