using System.CommandLine;
using Fairlead.CommandLine;
using Fairlead.Lab;
using Fairlead.Topology;
using Fairlead.Topology.State;

namespace Fairlead.Commands.Net;

/// <summary><c>fairlead net diff</c>: what apply would do.</summary>
internal sealed class NetDiffCommand : FairleadCommand
{
    private const int Differences = 1;
    private const int Trouble = 2;

    private readonly Option<string> _file = NetFile.Option(required: true);
    private readonly Option<string> _output = OutputFormat.Option();

    public NetDiffCommand()
        : base("diff", "Shows in what the machine differs from a file. Exit code 0: in nothing; 1: in something; 2: it could not be told.")
    {
        Options.Add(_file);
        Options.Add(_output);
        SetAction(Run);
    }

    public override IReadOnlyList<(string CommandLine, string What)> Examples =>
        [("fairlead net diff -f network.yaml", "a line for each difference, as apply would change it")];

    private int Run(ParseResult parsed)
    {
        try
        {
            var file = parsed.GetValue(_file)!;
            var text = NetFile.ReadText(file);
            var topology = NetFile.Parse(text, file);
            NetFile.RequireRights($"diff -f {file}", topology);
            var store = NetFile.Store();
            var plan = new TopologyReconciler(store)
                .Plan(topology, new PersistOptions(false, text, Environment.ProcessPath!, Path.GetFullPath(Path.Combine(store.Folder, "..", ".."))));
            NetFile.Write(topology.Name, plan, parsed.GetValue(_output) == "json", null);
            return plan.IsEmpty ? ExitCode.Done : Differences;
        }
        catch (TopologyException e)
        {
            ErrorView.Write(Console.Error, e);
        }
        catch (LabException e)
        {
            ErrorView.Write(Console.Error, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            ErrorView.Write(Console.Error, e.Message);
        }

        return Trouble;
    }
}
