using System.Globalization;
using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink;

/// <summary>What the kernel said against one request: errno, and from the extended acknowledgement its words and the attribute they are about.</summary>
internal sealed record NetlinkRefusal(int Errno, string? Detail)
{
    internal LinuxException ToException(string operation) => new(operation, Errno, Detail);

    /// <summary>Reads an error or end-of-dump message.</summary>
    /// <returns>Null where it says success.</returns>
    internal static NetlinkRefusal? Read(NetlinkMessage message, ReadOnlySpan<byte> request)
    {
        var payload = message.Payload;
        var error = payload.Length >= 4 ? MemoryMarshal.Read<int>(payload) : 0;
        if (error >= 0)
        {
            return null;
        }

        if ((message.Flags & NetlinkFlags.ErrorAttributes) == 0)
        {
            return new(-error, null);
        }

        // Behind the number: in an error message the header of the request, and the request whole unless it was capped.
        var skip = 4;
        if (message.Type == NetlinkConstants.MessageError && payload.Length >= skip + NetlinkConstants.HeaderLength)
        {
            var whole = (message.Flags & NetlinkFlags.Capped) == 0 ? MemoryMarshal.Read<uint>(payload[skip..]) : NetlinkConstants.HeaderLength;
            skip += NetlinkConstants.Align((int)Math.Min(whole, (uint)payload.Length));
        }

        string? text = null;
        string? about = null;
        var reader = new AttributeReader(payload[Math.Min(skip, payload.Length)..]);
        while (reader.TryRead(out var attribute))
        {
            switch (attribute.Type)
            {
                case NetlinkConstants.ErrorAttributeMessage:
                    text = attribute.Text;
                    break;
                case NetlinkConstants.ErrorAttributeOffset:
                    about = Offending((int)attribute.UInt32, request);
                    break;
                case NetlinkConstants.ErrorAttributeMissingType:
                    about = string.Create(CultureInfo.InvariantCulture, $"attribute {attribute.UInt32} is missing");
                    break;
            }
        }

        return new(-error, (text, about) switch
        {
            (null, null) => null,
            (not null, not null) => $"{text} ({about})",
            _ => text ?? about,
        });
    }

    private static string Offending(int offset, ReadOnlySpan<byte> request)
        => offset >= NetlinkConstants.HeaderLength && offset <= request.Length - NetlinkConstants.AttributeHeaderLength
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"attribute {MemoryMarshal.Read<ushort>(request[(offset + 2)..]) & NetlinkConstants.AttributeTypeMask} at byte {offset}")
            : string.Create(CultureInfo.InvariantCulture, $"at byte {offset}");
}
