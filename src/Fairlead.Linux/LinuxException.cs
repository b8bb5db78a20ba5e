using System.Runtime.InteropServices;

namespace Fairlead.Linux;

/// <summary>A refusal by the kernel: what was tried, on what, its errno, and what the kernel said about it.</summary>
/// <param name="operation">What was tried, with its subject: <c>route replace 10.0.0.0/8 via 10.1.0.1</c>.</param>
/// <param name="errno">The kernel's error number.</param>
/// <param name="detail">The kernel's own words (netlink extended acknowledgement), or ours where it has none.</param>
public sealed class LinuxException(string operation, int errno, string? detail = null)
    : IOException($"{operation}: {Marshal.GetPInvokeErrorMessage(errno)} (errno {errno}){(detail is null ? "" : $": {detail}")}")
{
    /// <summary>What was asked.</summary>
    public string Operation { get; } = operation;

    public int Errno { get; } = errno;

    public string? Detail { get; } = detail;

    /// <summary>The attribute of the request that the kernel found fault with, under the kernel's name: <c>IFLA_MTU</c>; null where it named none.</summary>
    public string? Attribute { get; init; }

    /// <summary>Whether the thing spoken of is not there: for a deletion this means done.</summary>
    public bool IsNotFound => Errno is Linux.Errno.NoEntry or Linux.Errno.NoProcess or Linux.Errno.NoDevice or Linux.Errno.AddressNotAvailable;

    /// <summary>Whether the thing to be made is already there.</summary>
    public bool IsExists => Errno == Linux.Errno.Exists;

    /// <summary>Whether the kernel lacks the feature asked for.</summary>
    public bool IsNotSupported => Errno == Linux.Errno.NotSupported;

    /// <summary>Returns <paramref name="result"/>, or throws with the errno of the last call where it is negative.</summary>
    internal static int ThrowIfFailed(int result, string operation)
        => result >= 0 ? result : throw new LinuxException(operation, Marshal.GetLastPInvokeError());
}
