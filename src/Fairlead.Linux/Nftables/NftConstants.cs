namespace Fairlead.Linux.Nftables;

/// <summary>Numbers of nf_tables netlink (linux/netfilter/nf_tables.h, nfnetlink.h), under the kernel's names.</summary>
internal static class NftConstants
{
    internal const ushort Subsystem = 10;
    internal const ushort BatchBegin = 16;
    internal const ushort BatchEnd = 17;
    internal const ushort BatchGenId = 1;

    internal const ushort NewTable = 0;
    internal const ushort GetTable = 1;
    internal const ushort DelTable = 2;
    internal const ushort NewChain = 3;
    internal const ushort GetChain = 4;
    internal const ushort DelChain = 5;
    internal const ushort NewRule = 6;
    internal const ushort GetRule = 7;
    internal const ushort DelRule = 8;
    internal const ushort NewSet = 9;
    internal const ushort GetSet = 10;
    internal const ushort DelSet = 11;
    internal const ushort NewSetElem = 12;
    internal const ushort GetSetElem = 13;
    internal const ushort DelSetElem = 14;
    internal const ushort NewGen = 15;
    internal const ushort GetGen = 16;
    internal const ushort NewObject = 18;
    internal const ushort GetObject = 19;
    internal const ushort DelObject = 20;
    internal const ushort GetObjectReset = 21;
    internal const ushort NewFlowtable = 22;
    internal const ushort GetFlowtable = 23;
    internal const ushort DelFlowtable = 24;
    internal const ushort DestroyTable = 26;
    internal const ushort DestroyChain = 27;
    internal const ushort DestroyRule = 28;
    internal const ushort DestroySet = 29;
    internal const ushort DestroySetElem = 30;
    internal const ushort DestroyObject = 31;
    internal const ushort DestroyFlowtable = 32;

    internal const ushort ListElem = 1;

    internal const ushort TableName = 1;
    internal const ushort TableFlags = 2;
    internal const ushort TableHandle = 4;
    internal const ushort TableUserData = 6;
    internal const ushort TableOwner = 7;

    internal const ushort ChainTable = 1;
    internal const ushort ChainHandle = 2;
    internal const ushort ChainName = 3;
    internal const ushort ChainHook = 4;
    internal const ushort ChainPolicy = 5;
    internal const ushort ChainType = 7;
    internal const ushort ChainFlags = 10;
    internal const ushort ChainUserData = 12;
    internal const ushort HookNumber = 1;
    internal const ushort HookPriority = 2;
    internal const ushort HookDevice = 3;
    internal const ushort HookDevices = 4;
    internal const ushort DeviceName = 1;

    internal const ushort RuleTable = 1;
    internal const ushort RuleChain = 2;
    internal const ushort RuleHandle = 3;
    internal const ushort RuleExpressions = 4;
    internal const ushort RulePosition = 6;
    internal const ushort RuleUserData = 7;
    internal const ushort ExprName = 1;
    internal const ushort ExprData = 2;

    internal const ushort SetTable = 1;
    internal const ushort SetName = 2;
    internal const ushort SetFlags = 3;
    internal const ushort SetKeyType = 4;
    internal const ushort SetKeyLen = 5;
    internal const ushort SetDataType = 6;
    internal const ushort SetDataLen = 7;
    internal const ushort SetDesc = 9;
    internal const ushort SetId = 10;
    internal const ushort SetTimeout = 11;
    internal const ushort SetGcInterval = 12;
    internal const ushort SetUserData = 13;
    internal const ushort SetObjectType = 15;
    internal const ushort SetHandle = 16;
    internal const ushort SetExpression = 17;
    internal const ushort SetExpressions = 18;
    internal const ushort SetDescSize = 1;
    internal const ushort SetDescConcat = 2;
    internal const ushort SetFieldLen = 1;

    internal const uint SetFlagAnonymous = 0x1;
    internal const uint SetFlagConstant = 0x2;
    internal const uint SetFlagInterval = 0x4;
    internal const uint SetFlagMap = 0x8;
    internal const uint SetFlagTimeout = 0x10;
    internal const uint SetFlagEval = 0x20;
    internal const uint SetFlagObject = 0x40;
    internal const uint SetFlagConcat = 0x80;

    internal const ushort ElemListTable = 1;
    internal const ushort ElemListSet = 2;
    internal const ushort ElemListElements = 3;
    internal const ushort ElemListSetId = 4;

    internal const ushort ElemKey = 1;
    internal const ushort ElemData = 2;
    internal const ushort ElemFlags = 3;
    internal const ushort ElemTimeout = 4;
    internal const ushort ElemExpiration = 5;
    internal const ushort ElemUserData = 6;
    internal const ushort ElemExpression = 7;
    internal const ushort ElemObject = 9;
    internal const ushort ElemKeyEnd = 10;
    internal const ushort ElemExpressions = 11;
    internal const uint ElemFlagIntervalEnd = 1;
    internal const uint ElemFlagCatchAll = 2;

    internal const ushort ObjectTable = 1;
    internal const ushort ObjectName = 2;
    internal const ushort ObjectType = 3;
    internal const ushort ObjectData = 4;
    internal const ushort ObjectUserData = 8;
    internal const uint ObjectCounter = 1;
    internal const uint ObjectQuota = 2;
    internal const uint ObjectLimit = 4;

    internal const ushort CounterBytes = 1;
    internal const ushort CounterPackets = 2;
    internal const ushort QuotaBytes = 1;
    internal const ushort QuotaFlags = 2;
    internal const ushort QuotaConsumed = 4;
    internal const ushort LimitRate = 1;
    internal const ushort LimitUnit = 2;
    internal const ushort LimitBurst = 3;
    internal const ushort LimitType = 4;
    internal const ushort LimitFlags = 5;

    internal const ushort FlowtableName = 2;
    internal const ushort FlowtableHook = 3;

    internal const ushort DataValue = 1;
    internal const ushort DataVerdict = 2;
    internal const ushort VerdictCode = 1;
    internal const ushort VerdictChain = 2;
    internal const uint DataTypeVerdict = 0xffffff00;

    internal const ushort GenId = 1;

    /// <summary>The register whose value is the verdict.</summary>
    internal const uint VerdictRegister = 0;

    /// <summary>NFT_REG32_00: the first of sixteen registers of four bytes.</summary>
    internal const uint FirstRegister = 8;

    internal static ushort Message(ushort type) => (ushort)((Subsystem << 8) | type);
}
