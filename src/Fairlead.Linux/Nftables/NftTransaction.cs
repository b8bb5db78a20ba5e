using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>Changes to one nftables table that the kernel takes whole or not at all.</summary>
/// <remarks>
/// It has two faces: <see cref="Encode"/> for the kernel, and <see cref="ToString"/> for people, which is what to put in a log, what a
/// golden file holds, and what a person can replay with <c>nft -f</c>. A test holds them to the same meaning.
/// </remarks>
public sealed class NftTransaction(NftFamily family, string table)
{
    private readonly List<NftOperation> _operations = [];

    public NftFamily Family { get; } = family;

    public string Table { get; } = table;

    public IReadOnlyList<NftOperation> Operations => _operations;

    public bool IsEmpty => _operations.Count == 0;

    public NftTransaction Add(NftOperation operation)
    {
        ArgumentNullException.ThrowIfNull(operation);
        _operations.Add(operation);
        return this;
    }

    public NftTransaction AddRange(IEnumerable<NftOperation> operations)
    {
        _operations.AddRange(operations);
        return this;
    }

    /// <summary>The syntax of nft, a line an operation.</summary>
    public override string ToString()
        => string.Concat(_operations.Select(o => o.Render(Name)).Where(line => line.Length > 0).Select(line => line + "\n"));

    internal string Name => $"{NftText.Family(Family)} {Table}";

    /// <summary>Writes the messages, and notes for each the operation it belongs to.</summary>
    internal void Encode(NetlinkBatch batch, NftSetIds ids, List<(NftTransaction Transaction, NftOperation Operation)?> origins)
    {
        var encoder = new NftEncoder(batch, Family, Table, ids);
        foreach (var operation in _operations)
        {
            operation.Encode(encoder);
            while (origins.Count < batch.Count)
            {
                origins.Add((this, operation));
            }
        }
    }
}
