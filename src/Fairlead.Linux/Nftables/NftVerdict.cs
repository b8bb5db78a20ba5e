using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>What becomes of a packet.</summary>
public readonly record struct NftVerdict
{
    private NftVerdict(int code, string? chain = null) => (Code, Chain) = (code, chain);

    /// <summary>The chain that a jump or goto leads to.</summary>
    public string? Chain { get; }

    internal int Code { get; }

    public static NftVerdict Drop => new(0);

    public static NftVerdict Accept => new(1);

    /// <summary>On with the next rule.</summary>
    public static NftVerdict Continue => new(-1);

    /// <summary>Back to the chain that jumped here.</summary>
    public static NftVerdict Return => new(-5);

    /// <summary>To a chain, and back at its end.</summary>
    public static NftVerdict Jump(string chain) => new(-3, chain);

    /// <summary>To a chain, for good.</summary>
    public static NftVerdict Goto(string chain) => new(-4, chain);

    public override string ToString() => Code switch
    {
        0 => "drop",
        1 => "accept",
        -1 => "continue",
        -3 => $"jump {Chain}",
        -4 => $"goto {Chain}",
        -5 => "return",
        _ => $"verdict {Code}",
    };

    /// <summary>Writes the attributes inside NFTA_*_DATA.</summary>
    internal void Write(ref NetlinkWriter writer)
    {
        var verdict = writer.BeginNested(NftConstants.DataVerdict);
        writer.BigEndian(NftConstants.VerdictCode, (uint)Code);
        if (Chain is not null)
        {
            writer.Attribute(NftConstants.VerdictChain, Chain);
        }

        writer.EndNested(verdict);
    }

    internal static NftVerdict Read(AttributeReader attributes)
    {
        var code = 0;
        string? chain = null;
        while (attributes.TryRead(out var a))
        {
            if (a.Type == NftConstants.VerdictCode)
            {
                code = (int)a.BigEndian32;
            }
            else if (a.Type == NftConstants.VerdictChain)
            {
                chain = a.Text;
            }
        }

        return new(code, chain);
    }
}
