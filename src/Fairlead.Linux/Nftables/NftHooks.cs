using Fairlead.Linux.Netlink;

namespace Fairlead.Linux.Nftables;

/// <summary>The kernel's numbers of hooks, which are other ones for ARP and for single interfaces, and lists of interfaces.</summary>
internal static class NftHooks
{
    /// <summary>NF_INET_INGRESS; families of whole machines have it behind their other five.</summary>
    private const uint InetIngress = 5;

    /// <summary>NF_ARP_IN, NF_ARP_OUT, NF_ARP_FORWARD.</summary>
    private static readonly NftHook[] s_arp = [NftHook.Input, NftHook.Output, NftHook.Forward];

    /// <summary>NF_NETDEV_INGRESS, NF_NETDEV_EGRESS.</summary>
    private static readonly NftHook[] s_netdev = [NftHook.Ingress, NftHook.Egress];

    internal static uint Number(NftFamily family, NftHook hook)
    {
        var number = family switch
        {
            NftFamily.Arp => Array.IndexOf(s_arp, hook),
            NftFamily.Netdev => Array.IndexOf(s_netdev, hook),
            _ => hook switch
            {
                NftHook.Ingress => (int)InetIngress,
                NftHook.Egress => -1,
                _ => (int)hook,
            },
        };
        return number >= 0 ? (uint)number : throw new ArgumentException($"{NftText.Family(family)} has no hook {NftText.Word(hook)}", nameof(hook));
    }

    /// <summary>The hook of a number; what the kernel may add later reads as <see cref="NftHook.Prerouting"/>.</summary>
    internal static NftHook Read(NftFamily family, uint number) => family switch
    {
        NftFamily.Arp => number < s_arp.Length ? s_arp[(int)number] : default,
        NftFamily.Netdev => number < s_netdev.Length ? s_netdev[(int)number] : default,
        _ => number == InetIngress ? NftHook.Ingress : number < InetIngress ? (NftHook)number : default,
    };

    internal static void WriteDevices(ref NetlinkWriter w, ValueArray<string> devices)
    {
        if (devices.Count == 1)
        {
            w.Attribute(NftConstants.HookDevice, devices[0]);
        }
        else if (devices.Count > 1)
        {
            WriteDeviceList(ref w, devices);
        }
    }

    internal static void WriteDeviceList(ref NetlinkWriter w, ValueArray<string> devices)
    {
        var list = w.BeginNested(NftConstants.HookDevices);
        foreach (var device in devices)
        {
            w.Attribute(NftConstants.DeviceName, device);
        }

        w.EndNested(list);
    }

    internal static ValueArray<string> ReadDevices(AttributeReader list)
    {
        var names = new List<string>();
        while (list.TryRead(out var a))
        {
            if (a.Type == NftConstants.DeviceName)
            {
                names.Add(a.Text);
            }
        }

        return [.. names];
    }

    internal static string DevicesText(ValueArray<string> devices) => devices.Count switch
    {
        0 => "",
        1 => $" device \"{devices[0]}\"",
        _ => $" devices = {{ {string.Join(", ", devices.Items.Select(d => $"\"{d}\""))} }}",
    };
}
