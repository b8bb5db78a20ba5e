using System.CommandLine;
using System.Text.Json.Nodes;
using Fairlead.CommandLine;
using Fairlead.Core.Nodes.Blocks;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.Commands.Ipam;

/// <summary>One of the commands under <c>fairlead ipam</c>: it reads the cluster's state afresh.</summary>
internal abstract class IpamVerb : FairleadCommand
{
    private readonly Option<string?> _kubeconfig = NodeOptions.Kubeconfig();
    private readonly Option<string> _output = OutputFormat.Option();
    private readonly TimeProvider _time;

    protected IpamVerb(string name, string description, TimeProvider time)
        : base(name, description)
    {
        _time = time;
        Options.Add(_kubeconfig);
        Options.Add(_output);
        SetAction(RunAsync);
    }

    protected TimeProvider Time => _time;

    protected abstract Task<int> RunAsync(KubeClient client, IpamReport report, ParseResult parsed, bool json, CancellationToken ct);

    protected static JsonArray Json(IEnumerable<IpamFinding> findings)
        => new([.. findings.Select(f => (JsonNode)new JsonObject { ["kind"] = f.Kind, ["message"] = f.Message, ["block"] = f.Block?.Block.ToString(), ["node"] = f.Block?.Node })]);

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken ct)
    {
        using var client = new KubeClient(KubeConfig.Resolve(parsed.GetValue(_kubeconfig) ?? Environment.GetEnvironmentVariable("KUBECONFIG")), _time);
        var blocks = (await client.ListAsync(KubeResources.Leases, BlockRecord.Namespace, new ListOptions(BlockRecord.Selector), ct)).Items.Select(BlockRecord.TryRead).OfType<BlockRecord>().ToList();
        var pods = (await client.ListAsync(KubeResources.Pods, ct: ct)).Items;
        var nodes = (await client.ListAsync(KubeResources.Nodes, ct: ct)).Items;
        return await RunAsync(client, IpamReport.Compile([.. nodes], [.. pods], blocks), parsed, parsed.GetValue(_output) == "json", ct);
    }
}

/// <summary><c>fairlead ipam show</c>: every node's ranges.</summary>
internal sealed class IpamShowCommand(TimeProvider time) : IpamVerb("show", "Shows every node's ranges and how many pods' addresses are in them.", time)
{
    public override IReadOnlyList<(string CommandLine, string What)> Examples => [("fairlead ipam show -o json", "for a program")];

    protected override Task<int> RunAsync(KubeClient client, IpamReport report, ParseResult parsed, bool json, CancellationToken ct)
    {
        if (json)
        {
            Console.Out.WriteLine(new JsonArray([.. report.Ranges.Select(r => (JsonNode)new JsonObject
            {
                ["node"] = r.Node, ["range"] = r.Range.ToString(), ["source"] = r.Source, ["used"] = r.Used, ["capacity"] = r.Capacity,
            })]).ToJsonString());
            return Task.FromResult(ExitCode.Done);
        }

        var table = PlainTable.Create("NODE", "RANGE", "FROM", "USED", "CAPACITY");
        foreach (var r in report.Ranges)
        {
            PlainTable.Row(table, r.Node, r.Range.ToString(), r.Source, $"{r.Used}", $"{r.Capacity}");
        }

        People.Console().Write(table);
        return Task.FromResult(ExitCode.Done);
    }
}

/// <summary><c>fairlead ipam check</c>: leaks and conflicts.</summary>
internal sealed class IpamCheckCommand(TimeProvider time) : IpamVerb("check", "Finds blocks of nodes that are gone, ranges and addresses that two have, and pods outside of their node's ranges.", time)
{
    public override IReadOnlyList<(string CommandLine, string What)> Examples => [("fairlead ipam check", "exit code 1 if something is wrong")];

    protected override Task<int> RunAsync(KubeClient client, IpamReport report, ParseResult parsed, bool json, CancellationToken ct)
    {
        if (json)
        {
            Console.Out.WriteLine(Json(report.Findings).ToJsonString());
        }
        else if (report.Findings.IsEmpty)
        {
            Console.Out.WriteLine("no leaks, no conflicts");
        }
        else
        {
            foreach (var finding in report.Findings)
            {
                Console.Out.WriteLine($"{finding.Kind}: {finding.Message}");
            }
        }

        return Task.FromResult(report.Findings.IsEmpty ? ExitCode.Done : ExitCode.Failed);
    }
}

/// <summary><c>fairlead ipam reclaim</c>: frees what <c>check</c> calls leaked.</summary>
internal sealed class IpamReclaimCommand : IpamVerb
{
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "only say what would be freed" };

    public IpamReclaimCommand(TimeProvider time)
        : base("reclaim", "Frees the blocks of nodes that are gone; whether one is gone is asked again before each.", time)
        => Options.Add(_dryRun);

    public override IReadOnlyList<(string CommandLine, string What)> Examples => [("fairlead ipam reclaim --dry-run", "what would be freed")];

    protected override async Task<int> RunAsync(KubeClient client, IpamReport report, ParseResult parsed, bool json, CancellationToken ct)
    {
        var dry = parsed.GetValue(_dryRun);
        var freed = new List<IpamFinding>();
        foreach (var finding in report.Findings.Where(f => f.Block is not null))
        {
            if (dry || await Fairlead.Agent.Ipam.BlockReclaim.FreeAsync(client, finding.Block!, ct))
            {
                freed.Add(finding);
            }
        }

        if (json)
        {
            Console.Out.WriteLine(Json(freed).ToJsonString());
        }
        else
        {
            freed.ForEach(f => Console.Out.WriteLine($"{(dry ? "would free" : "freed")} {f.Block!.Block} of node {f.Block.Node}"));
            Console.Out.WriteLine(freed.Count == 0 ? "nothing to free" : dry ? "nothing was changed" : $"{freed.Count} freed");
        }

        return ExitCode.Done;
    }
}
