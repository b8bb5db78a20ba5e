using System.Collections.Immutable;
using System.Globalization;
using Fairlead.Cni.Protocol;
using Fairlead.Linux.Nftables;

namespace Fairlead.Cni.Plugins;

/// <summary>The options <c>conditionsV4</c> and <c>conditionsV6</c>: what a packet must be, in words of iptables or of nft.</summary>
/// <remarks>
/// Each word is understood or refused; none is handed on. Understood are source, destination, source port, protocol, the interface that a
/// packet came by, its mark and the types of its addresses, each with a negation.
/// </remarks>
internal static class PortConditions
{
    /// <summary>Matches of iptables that are announced by <c>-m</c>; what they match is said by the words after it.</summary>
    private static readonly string[] s_modules = ["comment", "mark", "addrtype", "tcp", "udp", "sctp"];

    private static readonly Dictionary<string, FibAddressType> s_types = new(StringComparer.OrdinalIgnoreCase)
    {
        ["unicast"] = FibAddressType.Unicast, ["local"] = FibAddressType.Local, ["broadcast"] = FibAddressType.Broadcast,
        ["anycast"] = FibAddressType.Anycast, ["multicast"] = FibAddressType.Multicast,
    };

    private static readonly Dictionary<string, NftValue> s_protocols = new(StringComparer.OrdinalIgnoreCase) { ["tcp"] = NftValue.Tcp, ["udp"] = NftValue.Udp, ["sctp"] = NftValue.Sctp };

    public static ImmutableArray<NftStatement> Read(ConfigNode node, NftFamilyTerms terms)
    {
        var words = new Queue<string>(Words(node.Texts()));
        var statements = ImmutableArray.CreateBuilder<NftStatement>();
        while (words.TryDequeue(out var word))
        {
            var isNegated = word == "!";
            word = isNegated ? Next(words, node, "!") : word;
            if (word is "-m" or "--match" && !isNegated)
            {
                var module = Next(words, node, word);
                _ = s_modules.Contains(module, StringComparer.Ordinal) ? module : throw NotUnderstood(node, $"-m {module}");
            }
            else if (word is "--comment")
            {
                _ = Next(words, node, word); // says nothing of the packet
            }
            else if (word[0] == '-')
            {
                statements.Add(OfIptables(word, words, isNegated, node, terms));
            }
            else
            {
                statements.Add(isNegated ? throw NotUnderstood(node, $"! {word}") : OfNft(word, words, node, terms));
            }
        }

        return statements.ToImmutable();
    }

    /// <summary>A text is one word or, as people write them, several; a comment is one whatever it holds.</summary>
    private static IEnumerable<string> Words(IReadOnlyList<string> texts)
        => texts.SelectMany((text, i) => i > 0 && texts[i - 1] == "--comment" ? [text] : text.Split(' ', StringSplitOptions.RemoveEmptyEntries));

    private static CniException NotUnderstood(ConfigNode node, string word) => new(
        CniErrorCode.UnsupportedField,
        $"{node.Path}: '{word}' is not understood: there are -s, -d, -i, --sport, --mark, --src-type and --dst-type, and ip saddr, ip daddr, th sport, meta l4proto, "
        + "meta mark, iifname and fib saddr or daddr type, each with a negation");

    private static NftStatement OfIptables(string word, Queue<string> words, bool isNegated, ConfigNode node, NftFamilyTerms terms)
    {
        string Value() => Next(words, node, word);
        return word switch
        {
            "-s" or "--source" or "--src" => Address(terms.Source, Value(), isNegated, node, terms),
            "-d" or "--destination" or "--dst" => Address(terms.Destination, Value(), isNegated, node, terms),
            "-i" or "--in-interface" => Interface(Value().Replace('+', '*'), isNegated, node),
            "--sport" or "--source-port" => Port(Load.ThSport, Value().Replace(':', '-'), isNegated, node),
            "--mark" => Value().Split('/') is [var value, ..] parts ? Mark(value, parts.Length > 1 ? parts[1] : "0xffffffff", isNegated, node) : throw NotUnderstood(node, word),
            "--src-type" => Type(Load.FibSaddrType, Value(), isNegated, node),
            "--dst-type" => Type(Load.FibDaddrType, Value(), isNegated, node),
            _ => throw NotUnderstood(node, word),
        };
    }

    private static NftStatement OfNft(string word, Queue<string> words, ConfigNode node, NftFamilyTerms terms)
    {
        word = word == "meta" ? Next(words, node, word) : word;
        switch (word)
        {
            case "ip" or "ip6":
                return OfAddress(word, words, node, terms);
            case "iifname":
                return NftInterface(words, node);
            case "l4proto":
                var isOther = Negated(words);
                return Protocol(Next(words, node, word), isOther, node);
            case "mark":
                var mask = words.TryPeek(out var and) && and is "&" or "and" ? words.Dequeue() is var sign ? Next(words, node, sign) : "" : "0xffffffff";
                var isNegated = Negated(words);
                return Mark(Next(words, node, word), mask, isNegated, node);
            case "th" or "tcp" or "udp":
                var port = Next(words, node, word) is "sport" ? word switch { "tcp" => Load.TcpSport, "udp" => Load.UdpSport, _ => Load.ThSport } : throw NotUnderstood(node, word);
                var isElsewhere = Negated(words);
                return Port(port, Next(words, node, "sport"), isElsewhere, node);
            case "fib":
                var field = Next(words, node, word) switch
                {
                    "saddr" => Load.FibSaddrType,
                    "daddr" => Load.FibDaddrType,
                    var other => throw NotUnderstood(node, $"fib {other}"),
                };
                _ = Next(words, node, "fib") is "type" ? "" : throw NotUnderstood(node, "fib without type");
                var isOfAnother = Negated(words);
                return Type(field, Next(words, node, "type"), isOfAnother, node);
            default:
                throw NotUnderstood(node, word);
        }
    }

    private static NftStatement OfAddress(string family, Queue<string> words, ConfigNode node, NftFamilyTerms terms)
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
            _ => throw NotUnderstood(node, $"{family} {field}"),
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

    private static NftStatement Protocol(string name, bool isNegated, ConfigNode node)
        => s_protocols.TryGetValue(name, out var protocol) ? Either(Load.L4Proto, protocol, isNegated) : throw node.Fault($"'{name}' is none of tcp, udp and sctp");

    private static NftStatement Type(NftExpression field, string name, bool isNegated, ConfigNode node)
        => s_types.TryGetValue(name, out var type) ? Either(field, (int)type, isNegated) : throw node.Fault($"'{name}' is no type of address");

    private static NftStatement Port(NftExpression field, string text, bool isNegated, ConfigNode node)
    {
        var ends = text.Split('-');
        if (ends.Length > 2 || !ushort.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            || !ushort.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last) || last < first || (isNegated && last != first))
        {
            throw node.Fault(isNegated ? $"'{text}' is no port" : $"'{text}' is neither a port nor a range of ports");
        }

        return first == last ? Either(field, first, isNegated) : Match.Equal(field, NftValue.Range(first, last));
    }

    private static NftStatement Mark(string value, string mask, bool isNegated, ConfigNode node)
        => TryNumber(value, out var bits) && TryNumber(mask, out var which)
            ? isNegated ? Match.NotBits(Load.Mark, which, bits) : Match.Bits(Load.Mark, which, bits)
            : throw node.Fault($"'{value}' under '{mask}' is no mark");

    private static bool TryNumber(string text, out uint number) => text.StartsWith("0x", StringComparison.Ordinal)
        ? uint.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out number)
        : uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private static NftStatement Either(NftExpression left, NftValue value, bool isNegated) => isNegated ? Match.NotEqual(left, value) : Match.Equal(left, value);

    private static string Next(Queue<string> words, ConfigNode node, string after)
        => words.TryDequeue(out var word) ? word : throw node.Fault($"nothing follows '{after}'");
}
