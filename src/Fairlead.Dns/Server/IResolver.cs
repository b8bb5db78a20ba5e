using System.Collections.Immutable;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Server;

/// <summary>What a lookup inside the server found.</summary>
public sealed record Resolution(ResponseCode Code, ImmutableArray<Record> Answers, bool Truncated);

/// <summary>Asks the server itself, as if a client had: the way to finish a CNAME that leads out of a plugin's own zones.</summary>
public interface IResolver
{
    /// <summary>Looks a name up on behalf of a query. Chains longer than eight end in SERVFAIL.</summary>
    ValueTask<Resolution> LookupAsync(DnsContext parent, DnsName name, RecordType type, CancellationToken ct);
}
