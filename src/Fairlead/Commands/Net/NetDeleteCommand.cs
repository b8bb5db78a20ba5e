using System.CommandLine;
using Fairlead.CommandLine;
using Fairlead.Lab;
using Fairlead.Topology;

namespace Fairlead.Commands.Net;

/// <summary><c>fairlead net delete</c>: removes a topology.</summary>
internal sealed class NetDeleteCommand : FairleadCommand
{
    private readonly Argument<string?> _name = new("NAME") { Description = "the topology's name", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<string> _file = NetFile.Option(required: false);
    private readonly Option<string> _output = OutputFormat.Option();
    private readonly TimeProvider _time;

    public NetDeleteCommand(TimeProvider time)
        : base("delete", "Removes a network that was applied, by its name or its file, and what --persist wrote. What is not its own is left alone.")
    {
        _time = time;
        Arguments.Add(_name);
        Options.Add(_file);
        Options.Add(_output);
        SetAction(RunAsync);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
    [
        ("fairlead net delete -f network.yaml", "the topology of the file"),
        ("fairlead net delete red-and-blue", "without the file: what carries the topology's mark"),
    ];

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        var (name, file) = (parsed.GetValue(_name), parsed.GetValue(_file));
        if ((name is null) == (file is null))
        {
            throw new LabException("delete takes a NAME or -f FILE", "fairlead net delete --help") { IsWrongUsage = true };
        }

        var topology = file is null ? null : NetFile.Parse(NetFile.ReadText(file), file);
        if (name is not null && !TopologyReconciler.IsName(name))
        {
            throw new LabException($"'{name}' cannot be a topology's name", "fairlead net delete --help") { IsWrongUsage = true };
        }

        NetFile.RequireRights($"delete {name ?? $"-f {file}"}", "CAP_NET_ADMIN", "CAP_SYS_ADMIN");
        var store = NetFile.Store();
        name ??= topology!.Name;
        using var held = await store.LockAsync(name, _time, ct);
        var reconciler = new TopologyReconciler(store, NetFile.Progress());
        var noted = reconciler.IsNoted(name);
        var done = reconciler.Delete(name, topology, ct);
        NetFile.EndProgress();
        NetFile.Write(name, done, parsed.GetValue(_output) == "json", done.IsEmpty && !noted ? $"there is nothing of a topology {name}" : $"topology {name} is gone; nothing of it is left");
        return ExitCode.Done;
    }
}
