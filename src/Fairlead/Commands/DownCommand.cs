using System.CommandLine;
using Fairlead.CommandLine;
using Fairlead.Lab;

namespace Fairlead.Commands;

/// <summary><c>fairlead down</c>: removes a lab whole.</summary>
internal sealed class DownCommand : FairleadCommand
{
    private readonly Option<string> _name = UpOptions.LabName();
    private readonly Option<bool> _all = new("--all") { Description = "every lab under the state folder" };
    private readonly TimeProvider _time;

    public DownCommand(TimeProvider time)
        : base("down", "Takes a lab down and removes everything of it: processes, namespaces, links, files.")
    {
        _time = time;
        Options.Add(_name);
        Options.Add(_all);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead down", "the lab that `fairlead up` made"),
        ("fairlead down --all", "every lab, those that were killed too"),
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        if (!Environment.IsPrivilegedProcess)
        {
            throw new LabException("a lab's namespaces are root's", "sudo fairlead down");
        }

        var root = LabPaths.StateRoot();
        LabPaths[] labs = parsed.GetValue(_all) ? [.. LabPaths.All(root)] : [new LabPaths(root, parsed.GetValue(_name)!)];
        foreach (var lab in labs)
        {
            var was = await LabControl.DownAsync(lab, _time, ct);
            Console.Out.WriteLine(was ? $"lab '{lab.Name}' is down; nothing of it is left" : $"there is no lab '{lab.Name}'");
        }

        if (labs.Length == 0)
        {
            Console.Out.WriteLine($"there is no lab under {root}");
        }

        return ExitCode.Done;
    }
}
