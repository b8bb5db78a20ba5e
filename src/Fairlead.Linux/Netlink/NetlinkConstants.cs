namespace Fairlead.Linux.Netlink;

/// <summary>Flags of a netlink request (linux/netlink.h).</summary>
[Flags]
internal enum NetlinkFlags : ushort
{
    None = 0,
    Request = 0x1,
    Multi = 0x2,
    Ack = 0x4,
    Echo = 0x8,
    DumpInterrupted = 0x10,

    /// <summary>For a dump request.</summary>
    Dump = 0x300,

    /// <summary>For a creation: replace what is there.</summary>
    Replace = 0x100,

    /// <summary>For a creation: fail where it is there.</summary>
    Exclusive = 0x200,
    Create = 0x400,

    /// <summary>For a creation: add at the end of a list.</summary>
    Append = 0x800,

    /// <summary>For an error answer: the request is not repeated in it.</summary>
    Capped = 0x100,

    /// <summary>For an error answer: attributes follow.</summary>
    ErrorAttributes = 0x200,
}

/// <summary>Netlink families (linux/netlink.h).</summary>
internal enum NetlinkProtocol
{
    Route = 0,
    Netfilter = 12,
    Generic = 16,
}

/// <summary>Numbers of the protocol itself (linux/netlink.h).</summary>
internal static class NetlinkConstants
{
    internal const int HeaderLength = 16;
    internal const int AttributeHeaderLength = 4;

    internal const ushort MessageNoop = 1;
    internal const ushort MessageError = 2;
    internal const ushort MessageDone = 3;
    internal const ushort MessageOverrun = 4;

    /// <summary>The first type that belongs to a family.</summary>
    internal const ushort MessageFirst = 16;

    internal const ushort AttributeNested = 0x8000;
    internal const ushort AttributeTypeMask = 0x3fff;

    internal const ushort ErrorAttributeMessage = 1;
    internal const ushort ErrorAttributeOffset = 2;
    internal const ushort ErrorAttributePolicy = 4;
    internal const ushort ErrorAttributeMissingType = 5;
    internal const ushort ErrorAttributeMissingNest = 6;

    internal const int SolNetlink = 270;
    internal const int AddMembership = 1;
    internal const int CapAck = 10;
    internal const int ExtendedAck = 11;
    internal const int StrictCheck = 12;

    internal static int Align(int length) => (length + 3) & ~3;
}
