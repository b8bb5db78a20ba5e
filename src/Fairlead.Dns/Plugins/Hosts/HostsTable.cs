using System.Collections.Immutable;
using System.Net;
using Fairlead.Dns.Wire;
using Fairlead.Dns.Zones;

namespace Fairlead.Dns.Plugins.Hosts;

/// <summary>What hosts files and inline lines answer, at one instant.</summary>
internal sealed class HostsTable
{
    private readonly NameMap<NameAnswers> _names;

    private HostsTable(NameMap<NameAnswers> names, int entries) => (_names, Entries) = (names, entries);

    /// <summary>How many pairs of address and name there are.</summary>
    public int Entries { get; }

    public bool TryFind(ReadOnlySpan<byte> name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out NameAnswers? answers) => _names.TryGet(name, out answers);

    /// <summary>Compiles lines of the form <c>ADDRESS NAME…</c>. Lines that make no sense are passed over, as by every resolver (hosts(5)).</summary>
    /// <param name="lines">The lines, those that win first.</param>
    /// <param name="served">Whether a name is in one of the zones to answer for.</param>
    public static HostsTable Compile(IEnumerable<string> lines, uint ttl, bool reverse, Func<DnsName, bool> served)
    {
        var records = new Dictionary<DnsName, List<Record>>(DnsNameComparer.Instance);
        var entries = 0;
        foreach (var line in lines)
        {
            var words = line.Split('#')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2 || !IPAddress.TryParse(words[0].Split('%')[0], out var address))
            {
                continue;
            }

            foreach (var word in words.Skip(1))
            {
                if (!DnsName.TryParse(word, out var name) || !served(name))
                {
                    continue;
                }

                entries++;
                Add(name, Record.ForAddress(name, ttl, address));
                if (reverse)
                {
                    var pointer = DnsName.Reverse(address);
                    Add(pointer, Record.ForName(pointer, ttl, RecordType.PTR, name));
                }
            }
        }

        var names = records.Select(r => new KeyValuePair<DnsName, NameAnswers?>(r.Key, new NameAnswers([.. r.Value]))).ToArray();
        return new HostsTable(NameMap<NameAnswers>.Empty.With(names), entries);

        void Add(DnsName name, Record record)
        {
            if (!records.TryGetValue(name, out var list))
            {
                records[name] = list = [];
            }

            if (!list.Contains(record))
            {
                list.Add(record);
            }
        }
    }

    /// <summary>A hosts file's lines.</summary>
    public static ImmutableArray<string> Lines(string text) => [.. text.Split('\n')];
}
