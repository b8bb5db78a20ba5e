using System.Collections.Immutable;
using Fairlead.Dns.Wire;

namespace Fairlead.Dns.Zones;

/// <summary>Everything one name answers, made when the data changes: the query path only picks.</summary>
/// <param name="records">The records of every type the name has.</param>
/// <param name="targets">Addresses of the names that SRV and NS records point to, sent along with them.</param>
internal sealed class NameAnswers(ImmutableArray<Record> records, ImmutableArray<Record> targets = default)
{
    private readonly Record[] _a = Of(records, RecordType.A);
    private readonly Record[] _aaaa = Of(records, RecordType.AAAA);
    private readonly Record[] _srv = Of(records, RecordType.SRV);
    private readonly Record[] _rest = [.. records.Where(r => r.Type is not (RecordType.A or RecordType.AAAA or RecordType.SRV))];
    private readonly Record[] _targets = targets.IsDefault ? [] : [.. targets];

    /// <summary>A name that is there and has nothing: the answer is NODATA, not NXDOMAIN.</summary>
    public static NameAnswers Nothing { get; } = new([]);

    /// <summary>What the name is another name for, if it is.</summary>
    public Record? Alias { get; } = records.FirstOrDefault(r => r.Type == RecordType.CNAME);

    /// <summary>The additional records to go with answers of this type.</summary>
    public ReadOnlySpan<Record> TargetsOf(RecordType type) => type is RecordType.SRV or RecordType.NS ? _targets : [];

    /// <summary>The name's records of one type.</summary>
    public ReadOnlySpan<Record> OfType(RecordType type) => type switch
    {
        RecordType.A => _a,
        RecordType.AAAA => _aaaa,
        RecordType.SRV => _srv,
        _ when _rest.Length == 0 => [],
        _ when _rest.Length == 1 => _rest[0].Type == type ? _rest : [],
        _ => Of([.. _rest], type),
    };

    /// <summary>All records, for tables and tests.</summary>
    public IEnumerable<Record> All => [.. _a, .. _aaaa, .. _srv, .. _rest];

    private static Record[] Of(ImmutableArray<Record> records, RecordType type) => [.. records.Where(r => r.Type == type)];
}
