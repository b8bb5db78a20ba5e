using System.Collections.Immutable;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>The options <c>conditionsV4</c> and <c>conditionsV6</c>: what a packet must be, in words of iptables or of nft.</summary>
/// <remarks>
/// Each word is understood or refused; none is handed on. Understood are source, destination and the interface that a packet came by,
/// each with a negation.
/// </remarks>
internal static class PortConditions
{
    public static ImmutableArray<NftStatement> Read(ConfigNode node, NftFamilyTerms terms)
    {
        var words = new Queue<string>(node.Texts().SelectMany(text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        var statements = ImmutableArray.CreateBuilder<NftStatement>();
        while (words.TryDequeue(out var word))
        {
            var isNegated = word == "!";
            word = isNegated ? Next(words, node, "!") : word;
            statements.Add(word switch
            {
                "-s" or "--source" or "--src" => Address(terms.Source, Next(words, node, word), isNegated, node, terms),
                "-d" or "--destination" or "--dst" => Address(terms.Destination, Next(words, node, word), isNegated, node, terms),
                "-i" or "--in-interface" => Interface(Next(words, node, word).Replace('+', '*'), isNegated, node),
                "ip" or "ip6" when !isNegated => OfNft(word, words, node, terms),
                "iifname" when !isNegated => NftInterface(words, node),
                _ => throw new CniException(
                    CniErrorCode.UnsupportedField,
                    $"{node.Path}: '{word}' is not understood: there are -s, -d and -i, and ip saddr, ip daddr and iifname, each with a negation"),
            });
        }

        return statements.ToImmutable();
    }

    private static NftStatement OfNft(string family, Queue<string> words, ConfigNode node, NftFamilyTerms terms)
    {
        if ((family == "ip") != terms.IsIPv4)
        {
            throw node.Fault($"'{family}' is of the other family");
        }

        var field = Next(words, node, family);
        var expression = field switch
        {
            "saddr" => terms.Source,
            "daddr" => terms.Destination,
            _ => throw new CniException(CniErrorCode.UnsupportedField, $"{node.Path}: '{family} {field}' is not understood"),
        };
        var isNegated = Negated(words);
        return Address(expression, Next(words, node, field), isNegated, node, terms);
    }

    private static NftStatement NftInterface(Queue<string> words, ConfigNode node)
    {
        var isNegated = Negated(words);
        return Interface(Next(words, node, "iifname").Trim('"'), isNegated, node);
    }

    private static bool Negated(Queue<string> words)
    {
        if (words.TryPeek(out var word) && word is "!=" or "==")
        {
            return words.Dequeue() == "!=";
        }

        return false;
    }

    private static NftStatement Address(NftExpression field, string text, bool isNegated, ConfigNode node, NftFamilyTerms terms)
    {
        var withLength = text.Contains('/', StringComparison.Ordinal) ? text : $"{text}/{(terms.IsIPv4 ? 32 : 128)}";
        if (!AddressText.TryParseWithPrefix(withLength, out var address, out var length) || AddressText.IsIPv4(address) != terms.IsIPv4)
        {
            throw node.Fault($"'{text}' is no address or network of this family");
        }

        NftValue value = length == AddressText.Bits(address) ? address : AddressText.NetworkOf(address, length);
        return isNegated ? Match.NotEqual(field, value) : Match.Equal(field, value);
    }

    private static NftStatement Interface(string name, bool isNegated, ConfigNode node)
        => CniNames.InterfaceNameFault(name) is { } fault ? throw node.Fault($"'{name}' {fault}")
            : isNegated ? Match.NotEqual(Load.IifName, name)
            : Match.Equal(Load.IifName, name);

    private static string Next(Queue<string> words, ConfigNode node, string after)
        => words.TryDequeue(out var word) ? word : throw node.Fault($"nothing follows '{after}'");
}
