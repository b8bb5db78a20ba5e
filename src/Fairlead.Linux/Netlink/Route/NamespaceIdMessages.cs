using System.Runtime.InteropServices;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>The numbers that one namespace has for others to and from rtnetlink messages (linux/net_namespace.h).</summary>
internal static class NamespaceIdMessages
{
    internal static void WriteQuery(NetlinkBatch batch, int descriptor)
    {
        var writer = batch.Begin(RouteConstants.RtmGetNsId, NetlinkFlags.None);
        writer.Header(default(GenericHeader));
        writer.Attribute(RouteConstants.NetnsaFd, descriptor);
        batch.End(writer);
    }

    internal static int? Read(scoped NetlinkMessage message)
    {
        var attributes = message.Attributes<GenericHeader>(out _);
        while (message.Type == RouteConstants.RtmNewNsId && attributes.TryRead(out var a))
        {
            if (a.Type == RouteConstants.NetnsaNsId && a.Int32 >= 0)
            {
                return a.Int32;
            }
        }

        return null;
    }

    /// <summary>struct rtgenmsg, with what pads it.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct GenericHeader
    {
        public uint Family;
    }
}
