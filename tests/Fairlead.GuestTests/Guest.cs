namespace Fairlead.GuestTests;

/// <summary>Which machine a class of tests runs in. Without the trait it is User-Mode Linux.</summary>
public static class Guest
{
    /// <summary>The trait's name.</summary>
    public const string Kernel = "kernel";

    /// <summary>The trait's value for Debian's own kernel, which has nftables and wireguard and is slow.</summary>
    public const string Debian = "debian";

    /// <summary>The variable that tells a machine of User-Mode Linux which share of a long table is its own.</summary>
    public const string Share = "FAIRLEAD_GUEST_SHARE";

    /// <summary>The share of the machine that runs everything else too; the rest is the other's.</summary>
    public const string SmallShare = "small";

    /// <summary>The share of the machine that runs nothing else.</summary>
    public const string LargeShare = "large";

    /// <summary>Whether a row of a long table is for this machine: such a kernel has one processor, so two of them share it.</summary>
    public static bool HasRow(int row) => Environment.GetEnvironmentVariable(Share) switch
    {
        SmallShare => row % 5 >= 3,
        LargeShare => row % 5 < 3,
        _ => true,
    };
}
