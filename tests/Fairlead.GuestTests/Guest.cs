namespace Fairlead.GuestTests;

/// <summary>Which machine a class of tests runs in. Without the trait it is User-Mode Linux.</summary>
public static class Guest
{
    /// <summary>The trait's name.</summary>
    public const string Kernel = "kernel";

    /// <summary>The trait's value for Debian's own kernel, which has nftables and wireguard and is slow.</summary>
    public const string Debian = "debian";
}
