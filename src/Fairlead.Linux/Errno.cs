namespace Fairlead.Linux;

/// <summary>The kernel's error numbers that this code tells apart (asm-generic/errno.h).</summary>
public static class Errno
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int NoProcess = 3;
    public const int Interrupted = 4;
    public const int BadHandle = 9;
    public const int NoChild = 10;
    public const int Again = 11;
    public const int NoMemory = 12;
    public const int Access = 13;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int NoDevice = 19;
    public const int Invalid = 22;
    public const int NoSpace = 28;
    public const int Range = 34;
    public const int Restart = 85;
    public const int MessageSize = 90;
    public const int NotSupported = 95;
    public const int AddressInUse = 98;
    public const int AddressNotAvailable = 99;
    public const int NetworkUnreachable = 101;
    public const int NoBuffers = 105;
    public const int HostUnreachable = 113;
}
