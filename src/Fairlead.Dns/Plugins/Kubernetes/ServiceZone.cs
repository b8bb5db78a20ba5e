using System.Collections.Immutable;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zones;

namespace Fairlead.Dns.Plugins.Kubernetes;

/// <summary>A name that several objects may answer for, with what one of them contributes.</summary>
/// <param name="Rank">Lower ranks hide higher ones: a Service's own address has one owner, however many endpoints share it.</param>
internal readonly record struct SharedName(DnsName Name, int Rank, Record Record);

/// <summary>What one object puts into the zone.</summary>
/// <param name="Names">Names that are the object's alone.</param>
/// <param name="Shared">Names it shares with others: reverse names, and names of pods' addresses.</param>
internal sealed record ServiceZone(ImmutableArray<KeyValuePair<DnsName, NameAnswers>> Names, ImmutableArray<SharedName> Shared)
{
    public static ServiceZone Empty { get; } = new([], []);
}
