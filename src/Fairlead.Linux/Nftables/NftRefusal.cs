using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>What the kernel said against a transaction, told in the words of the operation it is about.</summary>
internal static class NftRefusal
{
    /// <summary>What of a long operation is told.</summary>
    private const int Enough = 300;

    internal static LinuxException ToException(
        NetlinkRefusal refusal, ReadOnlySpan<byte> request, (NftTransaction Transaction, NftOperation Operation)? origin, ReadOnlySpan<NftTransaction> transactions)
    {
        if (origin is not { } known)
        {
            // Of the mark that begins a transaction: who may, and the generation.
            return refusal.ToException("nftables transaction");
        }

        var (number, count) = (0, 0);
        foreach (var transaction in transactions)
        {
            foreach (var operation in transaction.Operations)
            {
                count++;
                number = number == 0 && transaction == known.Transaction && ReferenceEquals(operation, known.Operation) ? count : number;
            }
        }

        var text = Words(known.Transaction, known.Operation, request, refusal.Offset);
        return refusal.ToException(count == 1 ? text : NftText.Invariant($"{text} (operation {number} of {count})"));
    }

    private static string Words(NftTransaction transaction, NftOperation operation, ReadOnlySpan<byte> request, int offset)
    {
        // Of thousands of elements, the one that is meant.
        var one = operation switch
        {
            AddElements { Elements.Count: > 1 } add when NftSetDump.ElementAt(request, offset, add.Set) is { } element
                => new AddElements(add.Set, element).Render(transaction.Name),
            DeleteElements { Elements.Count: > 1 } delete when NftSetDump.ElementAt(request, offset, delete.Set) is { } element
                => new DeleteElements(delete.Set, element).Render(transaction.Name),
            AddElements { Elements.Count: > 100 } add => NftText.Invariant($"add {add.Elements.Count} elements to {transaction.Name} {add.Set.Name}"),
            DeleteElements { Elements.Count: > 100 } delete => NftText.Invariant($"delete {delete.Elements.Count} elements of {transaction.Name} {delete.Set.Name}"),
            _ => operation.Render(transaction.Name),
        };
        return one.Length <= Enough ? one : $"{one[..Enough]}…";
    }
}
