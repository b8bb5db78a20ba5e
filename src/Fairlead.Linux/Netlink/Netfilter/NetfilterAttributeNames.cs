using System.Runtime.InteropServices;
using Fairlead.Linux.Nftables;

namespace Fairlead.Linux.Netlink.Netfilter;

/// <summary>The kernel's names of nf_tables' and conntrack's attributes, to say which of a request was refused.</summary>
internal static class NetfilterAttributeNames
{
    private const int GenericHeader = 4;
    private const int ConntrackSubsystem = 1;

    /// <inheritdoc cref="AttributeNames.Of"/>
    internal static string Of(ReadOnlySpan<byte> request, int offset, int? missing)
        => AttributeNames.Of(request, offset, missing, request.Length < NetlinkConstants.HeaderLength ? "" : TopOf(MemoryMarshal.Read<ushort>(request[4..])), GenericHeader, Inside);

    private static string TopOf(ushort type) => (type >> 8, (ushort)(type & 0xff)) switch
    {
        (NftConstants.Subsystem, <= NftConstants.DelTable or NftConstants.DestroyTable) => Table,
        (NftConstants.Subsystem, <= NftConstants.DelChain or NftConstants.DestroyChain) => Chain,
        (NftConstants.Subsystem, <= NftConstants.DelRule or NftConstants.DestroyRule) => Rule,
        (NftConstants.Subsystem, <= NftConstants.DelSet or NftConstants.DestroySet) => Set,
        (NftConstants.Subsystem, <= NftConstants.DelSetElem or NftConstants.DestroySetElem) => Elements,
        (NftConstants.Subsystem, >= NftConstants.NewObject and <= NftConstants.GetObjectReset or NftConstants.DestroyObject) => Object,
        (NftConstants.Subsystem, >= NftConstants.NewFlowtable and <= NftConstants.DelFlowtable or NftConstants.DestroyFlowtable) => Flowtable,
        (ConntrackSubsystem, _) => Connection,
        _ => "",
    };

    private static (string Table, int Header) Inside(string table, int type, ReadOnlySpan<byte> level) => ((table, type) switch
    {
        (Chain, NftConstants.ChainHook) => Hook,
        (Rule, NftConstants.RuleExpressions) or (Set, NftConstants.SetExpressions) or (Element, NftConstants.ElemExpressions) => ExpressionList,
        (ExpressionList, NftConstants.ListElem) or (Set, NftConstants.SetExpression) or (Element, NftConstants.ElemExpression) => Expression,
        (Expression, NftConstants.ExprData) => DataOf(AttributeNames.TextOf(level, NftConstants.ExprName)),
        (Set, NftConstants.SetDesc) => Description,
        (Elements, NftConstants.ElemListElements) => ElementList,
        (ElementList, NftConstants.ListElem) => Element,
        (Element, NftConstants.ElemKey or NftConstants.ElemKeyEnd or NftConstants.ElemData) or (Immediate, 2) or (Compare, 3) => Data,
        (Data, NftConstants.DataVerdict) => Verdict,
        (Flowtable, NftConstants.FlowtableHook) => FlowtableHook,
        (Connection, 1 or 2) => Tuple,
        (Tuple, 1) => Addresses,
        (Tuple, 2) => Protocol,
        _ => "",
    }, 0);

    private static string DataOf(string expression) => expression switch
    {
        "bitwise" => "NFTA_BITWISE_ UNSPEC SREG DREG LEN MASK XOR OP DATA",
        "cmp" => Compare,
        "counter" => "NFTA_COUNTER_ UNSPEC BYTES PACKETS",
        "ct" => "NFTA_CT_ UNSPEC DREG KEY DIRECTION SREG",
        "dynset" => "NFTA_DYNSET_ UNSPEC SET_NAME SET_ID OP SREG_KEY SREG_DATA TIMEOUT EXPR PAD FLAGS EXPRESSIONS",
        "fib" => "NFTA_FIB_ UNSPEC DREG RESULT FLAGS",
        "flow_offload" => "NFTA_FLOW_ UNSPEC TABLE_NAME",
        "immediate" => Immediate,
        "limit" => "NFTA_LIMIT_ UNSPEC RATE UNIT BURST TYPE FLAGS",
        "log" => "NFTA_LOG_ UNSPEC GROUP PREFIX SNAPLEN QTHRESHOLD LEVEL FLAGS",
        "lookup" => "NFTA_LOOKUP_ UNSPEC SET SREG DREG SET_ID FLAGS",
        "masq" => "NFTA_MASQ_ UNSPEC FLAGS REG_PROTO_MIN REG_PROTO_MAX",
        "meta" => "NFTA_META_ UNSPEC DREG KEY SREG",
        "nat" => "NFTA_NAT_ UNSPEC TYPE FAMILY REG_ADDR_MIN REG_ADDR_MAX REG_PROTO_MIN REG_PROTO_MAX FLAGS",
        "numgen" => "NFTA_NG_ UNSPEC DREG MODULUS TYPE OFFSET",
        "objref" => "NFTA_OBJREF_ UNSPEC IMM_TYPE IMM_NAME SET_SREG SET_NAME SET_ID",
        "payload" => "NFTA_PAYLOAD_ UNSPEC DREG BASE OFFSET LEN SREG CSUM_TYPE CSUM_OFFSET CSUM_FLAGS",
        "redir" => "NFTA_REDIR_ UNSPEC REG_PROTO_MIN REG_PROTO_MAX FLAGS",
        "reject" => "NFTA_REJECT_ UNSPEC TYPE ICMP_CODE",
        _ => "",
    };

    private const string Table = "NFTA_TABLE_ UNSPEC NAME FLAGS USE HANDLE PAD USERDATA OWNER";
    private const string Chain = "NFTA_CHAIN_ UNSPEC TABLE HANDLE NAME HOOK POLICY USE TYPE COUNTERS PAD FLAGS ID USERDATA";
    private const string Hook = "NFTA_HOOK_ UNSPEC HOOKNUM PRIORITY DEV DEVS";
    private const string Rule = "NFTA_RULE_ UNSPEC TABLE CHAIN HANDLE EXPRESSIONS COMPAT POSITION USERDATA PAD ID POSITION_ID CHAIN_ID";
    private const string ExpressionList = "NFTA_LIST_ UNSPEC ELEM";
    private const string Expression = "NFTA_EXPR_ UNSPEC NAME DATA";
    private const string Immediate = "NFTA_IMMEDIATE_ UNSPEC DREG DATA";
    private const string Compare = "NFTA_CMP_ UNSPEC SREG OP DATA";
    private const string Description = "NFTA_SET_DESC_ UNSPEC SIZE CONCAT";
    private const string Elements = "NFTA_SET_ELEM_LIST_ UNSPEC TABLE SET ELEMENTS SET_ID";
    private const string ElementList = " " + ExpressionList;
    private const string Element = "NFTA_SET_ELEM_ UNSPEC KEY DATA FLAGS TIMEOUT EXPIRATION USERDATA EXPR PAD OBJREF KEY_END EXPRESSIONS";
    private const string Data = "NFTA_DATA_ UNSPEC VALUE VERDICT";
    private const string Verdict = "NFTA_VERDICT_ UNSPEC CODE CHAIN CHAIN_ID";
    private const string Object = "NFTA_OBJ_ UNSPEC TABLE NAME TYPE DATA USE HANDLE PAD USERDATA";
    private const string Flowtable = "NFTA_FLOWTABLE_ UNSPEC TABLE NAME HOOK USE HANDLE PAD FLAGS";
    private const string FlowtableHook = "NFTA_FLOWTABLE_HOOK_ UNSPEC NUM PRIORITY DEVS";

    private const string Set = """
        NFTA_SET_
        UNSPEC TABLE NAME FLAGS KEY_TYPE KEY_LEN DATA_TYPE DATA_LEN POLICY DESC ID TIMEOUT GC_INTERVAL USERDATA PAD OBJ_TYPE
        HANDLE EXPR EXPRESSIONS TYPE COUNT
        """;

    private const string Connection = """
        CTA_
        UNSPEC TUPLE_ORIG TUPLE_REPLY STATUS PROTOINFO HELP NAT_SRC TIMEOUT MARK COUNTERS_ORIG COUNTERS_REPLY USE ID NAT_DST
        TUPLE_MASTER SEQ_ADJ_ORIG SEQ_ADJ_REPLY SECMARK ZONE SECCTX TIMESTAMP MARK_MASK LABELS LABELS_MASK SYNPROXY FILTER
        STATUS_MASK TIMESTAMP_EVENT
        """;

    private const string Tuple = "CTA_TUPLE_ UNSPEC IP PROTO ZONE";
    private const string Addresses = "CTA_IP_ UNSPEC V4_SRC V4_DST V6_SRC V6_DST";
    private const string Protocol = "CTA_PROTO_ UNSPEC NUM SRC_PORT DST_PORT ICMP_ID ICMP_TYPE ICMP_CODE ICMPV6_ID ICMPV6_TYPE ICMPV6_CODE";
}
