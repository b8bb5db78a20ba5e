using System.Net.Sockets;
using System.Text.Json.Nodes;
using Fairlead.Kube.Client;
using Fairlead.Kube.Objects;

namespace Fairlead.ApiServer.Controllers.Nodes;

/// <summary>Writes each node's pod range into its spec, once.</summary>
internal sealed class PodCidrController
{
    private const string All = "all";

    private readonly ControllerContext _context;
    private readonly KeyedLoop<string> _loop;

    public PodCidrController(ControllerContext context)
        => (_context, _loop) = (context, new("podcidr", SyncAsync, context.Time, context.Logger, workers: 1));

    public Task RunAsync(CancellationToken ct) => Together.RunAsync(
        _loop.FollowAsync(
            _context.Informers.Nodes, (before, after) => after is null || before is null || before.Spec != after.Spec ? [All] : [], ct),
        _loop.RunAsync(ct));

    private async Task SyncAsync(string _, CancellationToken ct)
    {
        var ranges = _context.Options.ClusterCidrs.Select(r => (
            r, r.BaseAddress.AddressFamily == AddressFamily.InterNetwork
                ? _context.Options.NodeCidrMaskSize
                : _context.Options.NodeCidrMaskSizeIPv6)).ToList();
        var plan = PodCidrPlanner.Plan(ranges, _context.Informers.Nodes.Snapshot.Current.Values);
        foreach (var (node, other, cidr) in plan.Conflicts)
        {
            _context.Events.Warning(
                node, "CIDRConflict",
                $"pod range {cidr} is also held by node {other.Metadata.Name}: delete one of the two nodes and let it register again");
        }

        foreach (var node in plan.Exhausted)
        {
            _context.Events.Warning(
                node, "CIDRNotAvailable", $"no free pod range left in {string.Join(", ", _context.Options.ClusterCidrs)}");
        }

        foreach (var (node, cidrs) in plan.Assign)
        {
            var patch = new JsonObject
            {
                // The version guards against a node that somebody else has given a range meanwhile.
                ["metadata"] = new JsonObject { ["resourceVersion"] = node.Metadata.ResourceVersion },
                ["spec"] = new JsonObject
                {
                    ["podCIDR"] = cidrs[0],
                    ["podCIDRs"] = new JsonArray([.. cidrs.Select(c => JsonValue.Create(c))]),
                },
            };
            try
            {
                var written = await _context.Client.PatchAsync(KubeResources.Nodes, null, node.Metadata.Name, patch, ct: ct);
                await _context.Informers.Nodes.SeenAsync(written.Metadata.ResourceVersion, ct);
            }
            catch (KubeException e) when (e.IsNotFound)
            {
                // The node went; its range is free again.
            }
        }
    }
}
