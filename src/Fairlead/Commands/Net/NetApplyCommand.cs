using System.CommandLine;
using Fairlead.CommandLine;
using Fairlead.Topology;
using Fairlead.Topology.State;

namespace Fairlead.Commands.Net;

/// <summary><c>fairlead net apply</c>: makes the kernel match a file.</summary>
internal sealed class NetApplyCommand : FairleadCommand
{
    private readonly Option<string> _file = NetFile.Option(required: true);
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "show what would be changed, and change nothing" };
    private readonly Option<bool> _persist = new("--persist") { Description = "write a systemd unit and a sysctl.d file that bring it back after a reboot" };
    private readonly Option<string> _output = OutputFormat.Option();
    private readonly TimeProvider _time;

    public NetApplyCommand(TimeProvider time)
        : base("apply", "Makes the network that a file describes, and mends what is no longer as described. If a step fails, all is put back.")
    {
        _time = time;
        Options.Add(_file);
        Options.Add(_dryRun);
        Options.Add(_persist);
        Options.Add(_output);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead net apply -f network.yaml --dry-run", "the steps, one a line"),
        ("fairlead net apply -f network.yaml", "takes them; a second time there is nothing to change"),
        ("fairlead net apply -f network.yaml --persist", "and again after each reboot"),
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var file = parsed.GetValue(_file)!;
        var text = NetFile.ReadText(file);
        var topology = NetFile.Parse(text, file);
        NetFile.RequireRights($"apply -f {file}", topology);
        var json = parsed.GetValue(_output) == "json";
        var store = NetFile.Store();
        var persist = new PersistOptions(parsed.GetValue(_persist), text, Environment.ProcessPath!, Path.GetFullPath(Path.Combine(store.Folder, "..", "..")));
        if (parsed.GetValue(_dryRun))
        {
            var planned = new TopologyReconciler(store).Plan(topology, persist);
            NetFile.Write(topology.Name, planned, json, planned.IsEmpty ? "nothing to change" : $"dry run: {NetFile.Count(planned)} to make, none made");
            return ExitCode.Done;
        }

        using var held = await store.LockAsync(topology.Name, _time, ct);
        try
        {
            var done = new TopologyReconciler(store, NetFile.Progress()).Apply(topology, persist, ct);
            NetFile.EndProgress();
            NetFile.Write(topology.Name, done, json, done.IsEmpty ? "nothing to change" : $"topology {topology.Name}: {NetFile.Count(done)} made");
            return ExitCode.Done;
        }
        catch (IOException e)
        {
            NetFile.EndProgress();
            throw new IOException($"{e.Message}\n  what was done of {topology.Name} is undone again", e);
        }
    }
}
