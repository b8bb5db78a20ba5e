namespace Fairlead.Linux.Nftables;

/// <summary>A set with its elements, as a rule's text needs those that have no name.</summary>
internal sealed record NftSetContents(NftSet Set, IReadOnlyList<NftElement> Elements)
{
    /// <summary>How a rule speaks of it.</summary>
    internal string Reference(bool isAnonymous)
        => isAnonymous ? $"{{ {string.Join(", ", Elements.Select(e => e.Format(Set)))} }}" : $"@{Set.Name}";
}

/// <summary>Turns the expressions of a rule back into nft's words, as <c>nft list</c> shows them.</summary>
/// <remarks>
/// The kernel's machine is run in words: each register holds the text of what was loaded, and comparisons, lookups and actions take
/// their words from there. What this code has no words for is named in brackets, so that a text never says less than the rule does.
/// </remarks>
internal sealed class NftRuleText
{
    private readonly NftFamily _family;
    private readonly Func<string, NftSetContents?> _sets;
    private readonly NftTerm?[] _registers = new NftTerm?[16];
    private readonly List<string> _words = [];

    /// <summary>Where the match stands that says which header follows; taken out again where a field's name says it too.</summary>
    private readonly Dictionary<PayloadBase, int> _implied = [];

    private byte? _network;
    private byte? _transport;

    private NftRuleText(NftFamily family, Func<string, NftSetContents?> sets)
    {
        (_family, _sets) = (family, sets);
        _network = family switch
        {
            NftFamily.Ip => NftRuleContext.Ipv4,
            NftFamily.Ip6 => NftRuleContext.Ipv6,
            _ => null,
        };
    }

    internal static string Of(NftFamily family, IReadOnlyList<NftInstruction> instructions, Func<string, NftSetContents?> sets)
    {
        var text = new NftRuleText(family, sets);
        foreach (var instruction in instructions)
        {
            text.Take(instruction);
        }

        return string.Join(' ', text._words.Where(w => w.Length > 0));
    }

    private void Take(NftInstruction i)
    {
        switch (i.Name)
        {
            case "payload" when i.Has(1):
                LoadPayload(i);
                break;
            case "meta" when i.Has(1):
                var meta = NftFields.Meta(i.Number(2));
                Set(i.Slot(1), new(meta.Name, [meta.Type]));
                break;
            case "ct" when i.Has(1):
                var ct = NftFields.Ct(i.Number(2), i.Has(3) ? i.Byte(3) : null);
                Set(i.Slot(1), new(ct.Name, [ct.Type]));
                break;
            case "fib":
                Set(i.Slot(1), NftTermText.Fib(i));
                break;
            case "numgen":
                Set(i.Slot(1), NftTermText.Number(i));
                break;
            case "hash":
                Set(i.Slot(2), NftTermText.Hash(i, i.Has(1) ? Key(i.Slot(1), (int)i.Number(3)) : null));
                break;
            case "immediate" when i.Slot(1) is { } slot:
                var bytes = i.Data(2);
                Set(slot, new(Convert.ToHexStringLower(bytes), [NftType.Other(bytes.Length)]) { Constant = bytes });
                break;
            case "immediate":
                _words.Add(i.Verdict(2)?.ToString() ?? "[verdict]");
                break;
            case "bitwise":
                TakeBits(i);
                break;
            case "byteorder":
                // From here on its bytes are in network order, whatever they were.
                Set(i.Slot(2), Get(i.Slot(1)) is { } turned ? turned with { Types = [turned.Type.InNetworkOrder] } : null);
                break;
            case "rt":
                Set(i.Slot(1), NftTermText.Route(i));
                break;
            case "socket":
                Set(i.Slot(2), NftTermText.Socket(i));
                break;
            case "cmp":
                Compare(i);
                break;
            case "range":
                var left = Use(Get(i.Slot(1)));
                var term = Get(i.Slot(1));
                _words.Add($"{left}{(i.Number(2) == 1 ? " !=" : "")} {Value(term, i.Data(3))}-{Value(term, i.Data(4))}");
                break;
            case "lookup":
                Lookup(i);
                break;
            default:
                Act(i);
                break;
        }
    }

    private void Act(NftInstruction i)
    {
        switch (i.Name)
        {
            case "meta" when i.Has(3):
                _words.Add(NftActionText.Assign(NftFields.Meta(i.Number(2)), Get(i.Slot(3)), Use));
                break;
            case "ct" when i.Has(4):
                _words.Add(NftActionText.Assign(NftFields.Ct(i.Number(2), i.Has(3) ? i.Byte(3) : null), Get(i.Slot(4)), Use));
                break;
            case "nat":
                _words.Add(NftActionText.Nat(i, _family, Get, Use));
                break;
            case "dynset":
                _words.Add(NftActionText.Dynamic(i, Members(i.Text(1)), Key, Get, Use));
                break;
            case "reject":
                if (i.Number(1) == 1 && _family is NftFamily.Ip or NftFamily.Ip6)
                {
                    // A reset is of TCP alone: nft leaves the match before it out, but not where both families meet.
                    Forget(PayloadBase.Transport, NftValue.Tcp);
                }

                _words.Add(NftActionText.Reject(i, _family));
                break;
            default:
                _words.Add(NftActionText.Plain(i, Get));
                break;
        }
    }

    private void LoadPayload(NftInstruction i)
    {
        var (from, offset, length) = ((PayloadBase)i.Number(2), (int)i.Number(3), (int)i.Number(4));
        var field = NftFields.Payload(from, offset, length, _network, _transport);
        var raw = from switch
        {
            PayloadBase.Link => "ll",
            PayloadBase.Network => "nh",
            PayloadBase.Transport => "th",
            _ => "ih",
        };
        Set(i.Slot(1), field is null
            ? new(NftText.Invariant($"@{raw},{8 * offset},{8 * length}"), [NftType.Other(length)])
            : new(field.Name, [field.Type]) { Field = field, Length = length });
    }

    private void TakeBits(NftInstruction i)
    {
        if (Get(i.Slot(1)) is { } term && i.Number(6) == 0)
        {
            var (mask, flip) = (i.Data(4), i.Data(5));
            Set(i.Slot(2), term with { Mask = mask, Flip = flip });
        }
        else
        {
            Set(i.Slot(2), new("[bitwise]", [NftType.Other(4)]));
        }
    }

    private void Compare(NftInstruction i)
    {
        var term = Get(i.Slot(1));
        var (comparison, bytes) = ((NftComparison)i.Number(2), i.Data(3));
        var words = NftTermText.Compare(term, comparison, bytes, Use);

        // From one value to another is two comparisons for the kernel.
        if (comparison == NftComparison.LessOrEqual && _words.Count > 0 && term is { Mask: null }
            && _words[^1].StartsWith($"{term.Text} >= ", StringComparison.Ordinal) && !_words[^1].EndsWith(']'))
        {
            _words[^1] = $"{term.Text} {_words[^1][(term.Text.Length + 4)..]}-{Value(term, bytes)}";
            return;
        }

        _words.Add(words);
        if (comparison == NftComparison.Equal && bytes.Length > 0 && term is { Mask: null })
        {
            Learn(term.Text, bytes);
        }
    }

    private void Lookup(NftInstruction i)
    {
        var name = i.Text(1);
        var members = Members(name);
        var key = Key(i.Slot(2), members is null ? null : NftType.LengthOf(members.Set.Key)) ?? "[key]";
        var reference = members?.Reference(IsAnonymous(name)) ?? $"@{name}";
        if (!i.Has(3))
        {
            _words.Add($"{key} {((i.Number(5) & 1) != 0 ? "!= " : "")}{reference}");
        }
        else if (i.Slot(3) is { } result)
        {
            Set(result, new($"{key} map {reference}", members?.Set.Data ?? [NftType.Other(4)]));
        }
        else
        {
            _words.Add($"{key} vmap {reference}");
        }
    }

    /// <summary>The words of what stands in registers from a slot on, up to a length in bytes.</summary>
    private string? Key(int? slot, int? length)
    {
        if (slot is not { } at)
        {
            return null;
        }

        var parts = new List<string>();
        var rest = length ?? 1;
        while (rest > 0 && at < _registers.Length && _registers[at] is { } term)
        {
            parts.Add(Use(term));
            at += term.Slots;
            rest -= 4 * term.Slots;
        }

        return parts.Count == 0 ? null : string.Join(" . ", parts);
    }

    private NftTerm? Get(int? slot) => slot is { } at and < 16 ? _registers[at] : null;

    private void Set(int? slot, NftTerm? term)
    {
        if (slot is { } at and < 16)
        {
            _registers[at] = term;
        }
    }

    /// <summary>The words of a term; where they name a header, the match that made sure of it is left out.</summary>
    private string Use(NftTerm? term)
    {
        if (term?.Field is { } field)
        {
            if (field.Transport is { } transport)
            {
                Forget(PayloadBase.Transport, transport);
            }

            if (field.Base == PayloadBase.Link && _implied.Remove(PayloadBase.Link, out var index))
            {
                _words[index] = "";
            }

            // ICMP is of one family each.
            if ((field.Network ?? field.Transport switch
                {
                    NftFields.Icmp => NftRuleContext.Ipv4,
                    NftFields.Icmp6 => NftRuleContext.Ipv6,
                    _ => (byte?)null,
                }) is { } network)
            {
                Forget(PayloadBase.Network, network);
            }
        }

        return term?.Words ?? "[register]";
    }

    private void Forget(PayloadBase header, byte known)
    {
        if ((header == PayloadBase.Transport ? _transport : _network) == known && _implied.Remove(header, out var index))
        {
            _words[index] = "";
        }
    }

    private void Learn(string name, byte[] value)
    {
        switch (name)
        {
            case "meta l4proto":
                _transport = value[0];
                _implied[PayloadBase.Transport] = _words.Count - 1;
                break;
            case "ip protocol" or "ip6 nexthdr":
                _transport = value[0];

                // Where packets of other families come too, this says more than what follows from a field of the transport.
                if (_family is NftFamily.Ip or NftFamily.Ip6)
                {
                    _implied[PayloadBase.Transport] = _words.Count - 1;
                }

                break;
            case "meta iiftype":
                _implied[PayloadBase.Link] = _words.Count - 1;
                break;
            case "meta nfproto":
                _network = value[0];
                _implied[PayloadBase.Network] = _words.Count - 1;
                break;
            case "meta protocol" or "ether type" when value is [0x08, 0x00] or [0x86, 0xdd]:
                _network = value[0] == 0x08 ? NftRuleContext.Ipv4 : NftRuleContext.Ipv6;
                _implied[PayloadBase.Network] = _words.Count - 1;
                break;
        }
    }

    private NftSetContents? Members(string set) => _sets(set);

    private static bool IsAnonymous(string set) => set.StartsWith("__set", StringComparison.Ordinal) || set.StartsWith("__map", StringComparison.Ordinal);

    private static string Value(NftTerm? term, byte[] bytes)
        => NftValue.Read(term?.Type ?? NftType.Other(bytes.Length), bytes).Format(term?.Type ?? NftType.Other(bytes.Length));
}
