namespace Fairlead.Linux.Netlink.Generic;

/// <summary>Messages of generic netlink, and of its family that tells of the others (linux/genetlink.h).</summary>
internal static class GenericMessages
{
    internal const byte GetFamily = 3;
    internal const byte NewFamily = 1;
    internal const byte DeleteFamily = 2;

    internal const ushort FamilyName = 2;
    private const ushort FamilyId = 1;
    private const ushort FamilyVersion = 3;
    private const ushort FamilyHeader = 4;
    private const ushort FamilyGroups = 7;
    private const ushort GroupName = 1;
    private const ushort GroupId = 2;

    /// <summary>The one family whose number is always the same (GENL_ID_CTRL).</summary>
    internal static GenericFamily Control { get; } = new(16, "nlctrl", 2, []);

    /// <summary>struct genlmsghdr: command, version, two bytes that are zero.</summary>
    internal static void Write(NetlinkBatch batch, GenericFamily family, byte command, NetlinkFlags flags, GenericPart? attributes)
    {
        var w = batch.Begin(family.Id, flags);
        w.Header(BitConverter.ToUInt32([command, (byte)family.Version, 0, 0]));
        for (var rest = family.HeaderLength; rest > 0; rest -= sizeof(uint))
        {
            w.Header(0u);
        }

        attributes?.Invoke(ref w);
        batch.End(w);
    }

    /// <summary>The command of a message, and a reader of its attributes.</summary>
    internal static AttributeReader Read(NetlinkMessage message, GenericFamily family, out byte command)
    {
        command = 0;
        if (message.Type != family.Id)
        {
            return default;
        }

        var attributes = message.Attributes<uint>(out var header);
        command = (byte)header;
        return family.HeaderLength == 0 || message.Payload.Length < sizeof(uint) + family.HeaderLength
            ? attributes
            : new(message.Payload[(sizeof(uint) + NetlinkConstants.Align(family.HeaderLength))..]);
    }

    internal static GenericFamily? ReadFamily(scoped NetlinkMessage message)
    {
        var attributes = Read(message, Control, out var command);
        if (command is not (NewFamily or DeleteFamily))
        {
            return null;
        }

        var family = new GenericFamily(0, "", 0, []);
        while (attributes.TryRead(out var a))
        {
            family = a.Type switch
            {
                FamilyId => family with { Id = a.UInt16 },
                FamilyName => family with { Name = a.Text },
                FamilyVersion => family with { Version = a.UInt32 },
                FamilyHeader => family with { HeaderLength = (int)Math.Min(a.UInt32, byte.MaxValue) },
                FamilyGroups => family with { Groups = ReadGroups(a.Nested) },
                _ => family,
            };
        }

        return family;
    }

    private static ValueArray<GenericGroup> ReadGroups(AttributeReader list)
    {
        var groups = new List<GenericGroup>();
        while (list.TryRead(out var item))
        {
            var group = default(GenericGroup);
            var parts = item.Nested;
            while (parts.TryRead(out var a))
            {
                group = a.Type switch
                {
                    GroupName => group with { Name = a.Text },
                    GroupId => group with { Id = a.UInt32 },
                    _ => group,
                };
            }

            if (group.Name is not null)
            {
                groups.Add(group);
            }
        }

        return [.. groups];
    }
}
