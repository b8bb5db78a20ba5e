using System.Globalization;
using System.Runtime.InteropServices;
using Fairlead.Linux.Netlink.Netfilter;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Linux.Netlink;

/// <summary>What the kernel said against one request: errno, and from the extended acknowledgement its words and the attribute they are about.</summary>
/// <param name="Errno">The error number.</param>
/// <param name="Words">What the kernel says.</param>
/// <param name="Attribute">The kernel's name of the attribute that is wrong or missing.</param>
/// <param name="Allowed">What of it would be taken.</param>
internal sealed record NetlinkRefusal(int Errno, string? Words, string? Attribute, string? Allowed)
{
    private const string Missing = "is missing";

    /// <summary>Where in the request is what the kernel minds; 0 where it does not say.</summary>
    internal int Offset { get; init; }

    /// <summary>All that is known beside the errno, in one line.</summary>
    internal string? Detail
    {
        get
        {
            var about = (Attribute, Allowed) switch
            {
                (not null, Missing) => $"{Attribute} {Missing}",
                (not null, not null) => $"{Attribute}, {Allowed}",
                _ => Attribute ?? Allowed,
            };
            return (Words, about) switch
            {
                (not null, not null) => $"{Words} ({about})",
                (null, null) when Errno == Linux.Errno.NotPermitted => "needs CAP_NET_ADMIN",
                _ => Words ?? about,
            };
        }
    }

    internal LinuxException ToException(string operation, string? hint = null)
        => new(operation, Errno, (Detail, hint) switch { (not null, not null) => $"{Detail}: {hint}", _ => Detail ?? hint }) { Attribute = Attribute };

    /// <summary>Reads an error or end-of-dump message.</summary>
    /// <returns>Null where it says success.</returns>
    internal static NetlinkRefusal? Read(NetlinkMessage message, ReadOnlySpan<byte> request, NetlinkProtocol protocol = NetlinkProtocol.Route)
    {
        var payload = message.Payload;
        var error = payload.Length >= 4 ? MemoryMarshal.Read<int>(payload) : 0;
        if (error >= 0)
        {
            return null;
        }

        if ((message.Flags & NetlinkFlags.ErrorAttributes) == 0)
        {
            return new(-error, null, null, null);
        }

        // Behind the number: in an error message the header of the request, and the request whole unless it was capped.
        var skip = 4;
        if (message.Type == NetlinkConstants.MessageError && payload.Length >= skip + NetlinkConstants.HeaderLength)
        {
            var whole = (message.Flags & NetlinkFlags.Capped) == 0 ? MemoryMarshal.Read<uint>(payload[skip..]) : NetlinkConstants.HeaderLength;
            skip += NetlinkConstants.Align((int)Math.Min(whole, (uint)payload.Length));
        }

        string? words = null;
        string? allowed = null;
        int? offending = null;
        int? missing = null;
        var nest = 0;
        var reader = new AttributeReader(payload[Math.Min(skip, payload.Length)..]);
        while (reader.TryRead(out var attribute))
        {
            switch (attribute.Type)
            {
                case NetlinkConstants.ErrorAttributeMessage:
                    words = attribute.Text;
                    break;
                case NetlinkConstants.ErrorAttributeOffset:
                    offending = attribute.Int32;
                    break;
                case NetlinkConstants.ErrorAttributePolicy:
                    allowed = ReadPolicy(attribute.Nested);
                    break;
                case NetlinkConstants.ErrorAttributeMissingType:
                    missing = attribute.Int32;
                    break;
                case NetlinkConstants.ErrorAttributeMissingNest:
                    nest = attribute.Int32;
                    break;
            }
        }

        var names = NamesOf(protocol);
        var about = offending is { } offset ? names(request, offset, null)
            : missing is { } type ? names(request, nest, type)
            : null;
        return new(-error, words, about, offending is null && missing is not null ? Missing : allowed) { Offset = offending ?? 0 };
    }

    /// <summary>Names the attribute that begins at an offset of a request; or, where a type is given, the one of that type in the nest that begins there.</summary>
    private delegate string AttributeNamer(ReadOnlySpan<byte> request, int offset, int? missing);

    private static AttributeNamer NamesOf(NetlinkProtocol protocol) => protocol switch
    {
        NetlinkProtocol.Route => RouteAttributeNames.Of,
        NetlinkProtocol.Netfilter => NetfilterAttributeNames.Of,
        _ => NumberOf,
    };

    /// <summary>What is said of an attribute whose name is not known.</summary>
    internal static string NumberOf(ReadOnlySpan<byte> request, int offset, int? missing)
        => missing is { } type ? string.Create(CultureInfo.InvariantCulture, $"attribute {type}")
            : offset >= NetlinkConstants.HeaderLength && offset <= request.Length - NetlinkConstants.AttributeHeaderLength
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"attribute {MemoryMarshal.Read<ushort>(request[(offset + 2)..]) & NetlinkConstants.AttributeTypeMask} at byte {offset}")
            : string.Create(CultureInfo.InvariantCulture, $"at byte {offset}");

    /// <summary>Which values the kernel would take (enum netlink_policy_type_attr).</summary>
    private static string? ReadPolicy(AttributeReader attributes)
    {
        Int128? least = null;
        Int128? most = null;
        uint? shortest = null;
        uint? longest = null;
        while (attributes.TryRead(out var a))
        {
            switch (a.Type)
            {
                case 2:
                    least = (long)a.UInt64;
                    break;
                case 3:
                    most = (long)a.UInt64;
                    break;
                case 4:
                    least = a.UInt64;
                    break;
                case 5:
                    most = a.UInt64;
                    break;
                case 6:
                    shortest = a.UInt32;
                    break;
                case 7:
                    longest = a.UInt32;
                    break;
            }
        }

        return (least, most, shortest, longest) switch
        {
            (not null, not null, _, _) => string.Create(CultureInfo.InvariantCulture, $"allowed are {least} to {most}"),
            (_, _, not null, not null) when shortest == longest => string.Create(CultureInfo.InvariantCulture, $"{longest} bytes long"),
            (_, _, _, not null) => string.Create(CultureInfo.InvariantCulture, $"at most {longest} bytes"),
            (_, _, not null, _) => string.Create(CultureInfo.InvariantCulture, $"at least {shortest} bytes"),
            _ => null,
        };
    }
}
