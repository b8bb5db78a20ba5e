namespace Fairlead.Linux.Netlink;

/// <summary>The kernel had more events than the reader took, and dropped some: read everything anew, then listen again.</summary>
public sealed class NetlinkOverrunException() : IOException("netlink events were lost; what is known must be read anew");
