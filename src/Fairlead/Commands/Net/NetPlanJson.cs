using System.Text.Json;
using System.Text.Json.Serialization;
using Fairlead.Topology;

namespace Fairlead.Commands.Net;

/// <summary>A plan for programs.</summary>
internal sealed record NetPlanJson(string Topology, bool Changes, IReadOnlyList<NetStepJson> Steps)
{
    public static string Write(string topology, TopologyPlan plan) => JsonSerializer.Serialize(
        new NetPlanJson(
            topology,
            !plan.IsEmpty,
            [.. plan.Steps.Select(s => new NetStepJson(s.Sign switch { '+' => "add", '-' => "remove", _ => "change" }, s.Host, s.What))]),
        NetPlanJsonContext.Default.NetPlanJson);
}

/// <summary>A step for programs.</summary>
/// <param name="Action">add, remove or change.</param>
internal sealed record NetStepJson(string Action, string Host, string What);

[JsonSourceGenerationOptions(WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(NetPlanJson))]
internal sealed partial class NetPlanJsonContext : JsonSerializerContext;
