namespace Fairlead.Linux.Netlink.Route;

/// <summary>Asks the kernel whether it can make interfaces of a kind, without having one made.</summary>
/// <remarks>
/// It is asked for one that it must refuse whoever it is for. A kernel that has the kind refuses for that reason, one that has not says that
/// it has not. A module is loaded where there is one.
/// </remarks>
public static class LinkProbe
{
    private const int NoSuchProtocol = 93; // EPROTONOSUPPORT
    private const int TooMuch = 1 << 20;   // more than the MTU of any bridge
    private static readonly MacAddress s_nobodys = MacAddress.Parse("01:00:00:00:00:00"); // a group's, which no interface can have

    /// <summary>What the kernel lacks to make an interface of the specification's kind, in words; null where it can.</summary>
    public static string? FindLack(RouteSocket socket, LinkSpec spec)
    {
        ArgumentNullException.ThrowIfNull(socket);
        ArgumentNullException.ThrowIfNull(spec);
        return Refusal(socket, spec with { Mac = s_nobodys })?.IsNotSupported == true ? Lacking($"interfaces of kind {spec.Kind} ({spec.KernelOption})") : null;
    }

    /// <summary>As <see cref="FindLack"/>, for VLANs of the ports of bridges.</summary>
    public static string? FindLackOfVlanFiltering(RouteSocket socket)
    {
        ArgumentNullException.ThrowIfNull(socket);

        // Whether the kernel even looks at the Ethernet type, which is none of a VLAN's. If not, it stumbles over the MTU.
        var options = new BridgeOptions { VlanProtocol = (VlanProtocol)1 };
        return Refusal(socket, new BridgeSpec("") { Mtu = TooMuch, Options = options })?.Errno == NoSuchProtocol ? null : Lacking(options.MayLack!);
    }

    private static string Lacking(string what) => $"this kernel lacks {what}";

    private static LinuxException? Refusal(RouteSocket socket, LinkSpec spec)
    {
        var name = $"probe{Guid.NewGuid():N}"[..LinkSpec.MaxNameLength];
        var refusal = socket.Apply(new CreateLink(spec with { Name = name }))[0];
        if (refusal is null)
        {
            socket.TryDeleteLink(name);
        }

        return refusal;
    }
}
