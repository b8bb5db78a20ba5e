using System.Security.Cryptography;

namespace Fairlead.Linux.Netlink.Generic;

/// <summary>A key of WireGuard, public or private: 32 bytes, written in base 64.</summary>
public readonly record struct WireGuardKey
{
    public const int Length = 32;

    private readonly string? _text;

    public WireGuardKey(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length != Length)
        {
            throw new ArgumentException($"a key has {Length} bytes, not {bytes.Length}", nameof(bytes));
        }

        _text = Convert.ToBase64String(bytes);
    }

    /// <summary>A new private key, in the one form that the kernel gives back unchanged (RFC 7748 §5).</summary>
    public static WireGuardKey NewPrivate()
    {
        Span<byte> bytes = stackalloc byte[Length];
        RandomNumberGenerator.Fill(bytes);
        bytes[0] &= 248;
        bytes[31] = (byte)((bytes[31] & 127) | 64);
        return new(bytes);
    }

    public static bool TryParse(string? text, out WireGuardKey key)
    {
        key = default;
        Span<byte> bytes = stackalloc byte[Length + 3];
        if (text is null || !Convert.TryFromBase64String(text.Trim(), bytes, out var length) || length != Length)
        {
            return false;
        }

        key = new(bytes[..Length]);
        return true;
    }

    public byte[] ToBytes() => _text is null ? new byte[Length] : Convert.FromBase64String(_text);

    public override string ToString() => _text ?? "";
}
