using Fairlead.Cni.Protocol;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins;

/// <summary>STATUS: what a plugin needs of the kernel. Better known before a container waits for it.</summary>
internal static class KernelFeatures
{
    public static void Need(RouteSocket host, params ReadOnlySpan<LinkSpec> kinds)
    {
        foreach (var kind in kinds)
        {
            Need(LinkProbe.FindLack(host, kind));
        }
    }

    public static void NeedVlanFiltering(RouteSocket host, string field)
        => Need(LinkProbe.FindLackOfVlanFiltering(host) is { } lack ? $"{field}: {lack}" : null);

    private static void Need(string? lack)
    {
        if (lack is not null)
        {
            throw new CniException(CniErrorCode.NotAvailable, lack);
        }
    }
}
