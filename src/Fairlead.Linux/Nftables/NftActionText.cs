namespace Fairlead.Linux.Nftables;

/// <summary>Words for what a rule does.</summary>
internal static class NftActionText
{
    private static readonly string[] s_levels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];
    private static readonly string[] s_unreachable = ["net-unreachable", "host-unreachable", "prot-unreachable", "port-unreachable"];

    internal static string Assign((string Name, NftType Type) target, NftTerm? value, Func<NftTerm?, string> use)
        => $"{target.Name} set {(value?.Constant is null ? use(value) : value.Format([target.Type]))}";

    internal static string Nat(NftInstruction i, NftFamily table, Func<int?, NftTerm?> get, Func<NftTerm?, string> use)
    {
        var isV6 = i.Number(2) == NftRuleContext.Ipv6;
        var (first, last) = (i.Has(3) ? get(i.Slot(3)) : null, i.Has(4) ? get(i.Slot(4)) : null);
        var (port, lastPort) = (i.Has(5) ? get(i.Slot(5)) : null, i.Has(6) ? get(i.Slot(6)) : null);
        var family = table is NftFamily.Inet || first is { Constant: null, Types.Count: > 1 } ? isV6 ? " ip6" : " ip" : "";
        var flags = Flags(i.Number(7));
        var name = i.Number(1) == 0 ? "snat" : "dnat";
        if (first is null && port is null)
        {
            return i.Has(3) ? $"{name}{family} to [register]{flags}" : $"{name}{flags}";
        }

        if (first is { Constant: null })
        {
            // A map gives address and port at once; an address alone may be joined by a port.
            var ports = port is null || first.Types.Count > 1 ? "" : $":{Ports(port, lastPort, use)}";
            return $"{name}{family} to {use(first)}{ports}{flags}";
        }

        var address = first is null ? "" : Address(first, isV6, port is not null);
        var until = last is null || first is null || last.Constant.AsSpan().SequenceEqual(first.Constant) ? "" : $"-{Address(last, isV6, port is not null)}";
        return $"{name}{(first is null ? "" : family)} to {address}{until}{(port is null ? "" : $":{Ports(port, lastPort, use)}")}{flags}";
    }

    internal static string Dynamic(
        NftInstruction i, NftSetContents? members, Func<int?, int?, string?> keyOf, Func<int?, NftTerm?> get, Func<NftTerm?, string> use)
    {
        var key = keyOf(i.Slot(4), members is null ? null : NftType.LengthOf(members.Set.Key)) ?? "[key]";
        var action = i.Number(3) switch
        {
            0 => "add",
            1 => "update",
            _ => "delete",
        };
        var timeout = i.Has(6) && i.Long(6) > 0 ? $" timeout {NftText.Duration(TimeSpan.FromMilliseconds(Math.Min(i.Long(6), int.MaxValue)))}" : "";
        var inner = i.Has(7) && NftInstruction.Read(i.Nested(7)) is { } expression ? $" {Plain(expression, get)}" : "";
        var data = "";
        if (i.Has(5))
        {
            var value = get(i.Slot(5));
            data = $" : {(value?.Constant is null || members is null ? use(value) : value.Format(members.Set.Data))}";
        }

        return $"{action} @{i.Text(1)} {{ {key}{inner}{timeout}{data} }}";
    }

    internal static string Reject(NftInstruction i, NftFamily family)
    {
        var code = i.Byte(2);
        return (i.Number(1), family) switch
        {
            (1, _) => "reject with tcp reset",
            (2, _) => code == 1 ? "reject" : $"reject with icmpx {Word(["no-route", "port-unreachable", "host-unreachable", "admin-prohibited"], code)}",
            (_, NftFamily.Ip) => code == 3 ? "reject" : $"reject with icmp {Unreachable(code)}",
            (_, NftFamily.Ip6) => code == 4 ? "reject" : $"reject with icmpv6 {Unreachable6(code)}",
            _ => $"reject with icmp {Unreachable(code)}",
        };
    }

    /// <summary>Actions that need nothing but their own attributes, and in brackets those that have no words here.</summary>
    internal static string Plain(NftInstruction i, Func<int?, NftTerm?> get) => i.Name switch
    {
        "counter" => $"counter {new NftCounts(i.Long(NftConstants.CounterPackets), i.Long(NftConstants.CounterBytes))}",
        "notrack" => "notrack",
        "limit" => $"limit {RateOf(i).Words}",
        "quota" => $"quota {NftText.Quota(i.Long(NftConstants.QuotaBytes), (i.Number(NftConstants.QuotaFlags) & 1) != 0, i.Long(NftConstants.QuotaConsumed))}",
        "connlimit" => $"ct count {((i.Number(2) & 1) != 0 ? "over " : "")}{i.Number(1)}",
        "objref" when i.Has(1) => $"{NftObject.KindOf(i.Number(1))} name \"{i.Text(2)}\"",
        "masq" => $"masquerade{To(get(i.Slot(2)), get(i.Slot(3)))}{Flags(i.Number(1))}",
        "redir" => $"redirect{To(get(i.Slot(1)), get(i.Slot(2)))}{Flags(i.Number(3))}",
        "log" => Log(i),
        "queue" => $"queue{(i.Has(3) && (i.Short(3) & 1) != 0 ? " flags bypass" : "")} to {i.Short(1)}",
        "flow_offload" => $"flow add @{i.Text(1)}",
        "match" => XtInfo.Words(i.Text(1), i.Number(2), i.Bytes(3)),
        "dup" => $"dup to {get(i.Slot(1))?.Format([NftType.Ipv4Address]) ?? "[register]"}",
        _ => $"[{i.Name}]",
    };

    private static NftRate RateOf(NftInstruction i) => new(
        i.Long(NftConstants.LimitRate),
        i.Long(NftConstants.LimitUnit),
        i.Number(NftConstants.LimitBurst),
        i.Number(NftConstants.LimitType) == 1,
        (i.Number(NftConstants.LimitFlags) & 1) != 0);

    private static string Log(NftInstruction i)
    {
        var text = "log";
        text += i.Has(2) ? $" prefix \"{i.Text(2)}\"" : "";
        text += i.Has(5) && i.Number(5) is var level && level != 4 ? $" level {Word(s_levels, level)}" : "";
        text += i.Has(1) ? $" group {i.Short(1)}" : "";
        text += i.Has(3) && i.Number(3) != 0 ? $" snaplen {i.Number(3)}" : "";
        text += i.Has(4) && i.Short(4) != 0 ? $" queue-threshold {i.Short(4)}" : "";
        return text + (i.Number(6) switch
        {
            0 => "",
            0x1f => " flags all",
            var flags => string.Concat(
                (flags & 1) != 0 ? " flags tcp sequence" + ((flags & 2) != 0 ? ",options" : "") : (flags & 2) != 0 ? " flags tcp options" : "",
                (flags & 4) != 0 ? " flags ip options" : "",
                (flags & 8) != 0 ? " flags skuid" : "",
                (flags & 16) != 0 ? " flags ether" : ""),
        });
    }

    private static string To(NftTerm? first, NftTerm? last)
        => first is null ? "" : $" to :{Ports(first, last, t => t?.Words ?? "")}";

    private static string Ports(NftTerm first, NftTerm? last, Func<NftTerm?, string> use)
    {
        if (first.Constant is null)
        {
            return use(first);
        }

        var text = first.Format([NftType.InetService]);
        return last?.Constant is null || last.Constant.AsSpan().SequenceEqual(first.Constant) ? text : $"{text}-{last.Format([NftType.InetService])}";
    }

    private static string Address(NftTerm term, bool isV6, bool withPort)
    {
        var text = term.Format([isV6 ? NftType.Ipv6Address : NftType.Ipv4Address]);
        return isV6 && withPort ? $"[{text}]" : text;
    }

    private static string Flags(uint flags)
    {
        string[] words =
        [
            .. (flags & 4) != 0 ? ["random"] : Array.Empty<string>(),
            .. (flags & NatFlags.FullyRandom) != 0 ? ["fully-random"] : Array.Empty<string>(),
            .. (flags & 8) != 0 ? ["persistent"] : Array.Empty<string>(),
        ];
        return words.Length == 0 ? "" : $" {string.Join(',', words)}";
    }

    private static string Unreachable(byte code) => code switch
    {
        9 => "net-prohibited",
        10 => "host-prohibited",
        13 => "admin-prohibited",
        _ => Word(s_unreachable, code),
    };

    private static string Unreachable6(byte code)
        => Word(["no-route", "admin-prohibited", "2", "addr-unreachable", "port-unreachable", "policy-fail", "reject-route"], code);

    private static string Word(string[] words, uint number) => number < words.Length ? words[number] : NftText.Invariant($"{number}");
}
