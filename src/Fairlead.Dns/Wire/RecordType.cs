namespace Fairlead.Dns.Wire;

/// <summary>A resource record's type (RFC 1035 §3.2.2 and later); values without a name here pass through unchanged.</summary>
public enum RecordType : ushort
{
    None = 0,
    A = 1,
    NS = 2,
    CNAME = 5,
    SOA = 6,
    PTR = 12,
    HINFO = 13,
    MX = 15,
    TXT = 16,
    RP = 17,
    AFSDB = 18,
    SIG = 24,
    AAAA = 28,
    SRV = 33,
    NAPTR = 35,
    DNAME = 39,
    OPT = 41,
    DS = 43,
    RRSIG = 46,
    NSEC = 47,
    DNSKEY = 48,
    SVCB = 64,
    HTTPS = 65,
    IXFR = 251,
    AXFR = 252,
    ANY = 255,
    CAA = 257,
}

/// <summary>A resource record's class (RFC 1035 §3.2.4).</summary>
public enum RecordClass : ushort
{
    None = 0,
    IN = 1,
    CH = 3,
    HS = 4,
    ANY = 255,
}

/// <summary>What a reply says about its question (RFC 1035 §4.1.1, RFC 6891 §9).</summary>
public enum ResponseCode : ushort
{
    NoError = 0,
    FormatError = 1,
    ServerFailure = 2,
    NameError = 3,
    NotImplemented = 4,
    Refused = 5,
    BadVersion = 16,
}

/// <summary>The text forms of types, classes and codes, as <c>dig</c> and CoreDNS print them.</summary>
public static class Mnemonic
{
    /// <summary><c>AAAA</c>, or <c>TYPE65280</c> for a type without a name (RFC 3597 §5).</summary>
    public static string Of(RecordType type) => Enum.IsDefined(type) ? type.ToString() : $"TYPE{(ushort)type}";

    /// <summary><c>IN</c>, or <c>CLASS42</c> for a class without a name (RFC 3597 §5).</summary>
    public static string Of(RecordClass @class) => Enum.IsDefined(@class) ? @class.ToString() : $"CLASS{(ushort)@class}";

    /// <summary><c>NXDOMAIN</c>, or <c>RCODE23</c> for a code without a name.</summary>
    public static string Of(ResponseCode code) => code switch
    {
        ResponseCode.NoError => "NOERROR",
        ResponseCode.FormatError => "FORMERR",
        ResponseCode.ServerFailure => "SERVFAIL",
        ResponseCode.NameError => "NXDOMAIN",
        ResponseCode.NotImplemented => "NOTIMP",
        ResponseCode.Refused => "REFUSED",
        ResponseCode.BadVersion => "BADVERS",
        _ => $"RCODE{(ushort)code}",
    };

    /// <summary>The type a mnemonic names; <c>TYPEn</c> is understood too.</summary>
    public static bool TryParseType(string text, out RecordType type)
    {
        if (text.StartsWith("TYPE", StringComparison.OrdinalIgnoreCase) && ushort.TryParse(text.AsSpan(4), out var number))
        {
            type = (RecordType)number;
            return true;
        }

        return Enum.TryParse(text, ignoreCase: true, out type) && !char.IsAsciiDigit(text[0]);
    }
}
