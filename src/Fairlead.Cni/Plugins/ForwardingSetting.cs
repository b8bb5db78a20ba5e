using System.Net;
using Fairlead.Cni.Protocol;
using Fairlead.Linux;

namespace Fairlead.Cni.Plugins;

/// <summary>The host forwards packets of the families that its containers have addresses of.</summary>
internal static class ForwardingSetting
{
    public static void Ensure(IEnumerable<IPAddress> addresses)
    {
        foreach (var isIPv4 in addresses.Select(AddressText.IsIPv4).Distinct().ToList())
        {
            var key = isIPv4 ? "net/ipv4/ip_forward" : "net/ipv6/conf/all/forwarding";
            if (Sysctl.Read(key) != "1")
            {
                Sysctl.Write(key, "1");
            }
        }
    }
}
