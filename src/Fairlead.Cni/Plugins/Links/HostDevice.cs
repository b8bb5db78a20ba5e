using Fairlead.Cni.Protocol;
using Fairlead.Linux;
using Fairlead.Linux.Netlink.Route;

namespace Fairlead.Cni.Plugins.Links;

/// <summary>Which interface of the host <c>host-device</c> means: by name, hardware address, kernel path or PCI address.</summary>
internal sealed record HostDevice(string Name, MacAddress? Mac, string KernelPath, string PciAddress)
{
    private const string Devices = "/sys/bus/pci/devices";
    private static readonly string[] s_userspaceDrivers = ["vfio-pci", "uio_pci_generic", "igb_uio"];

    /// <summary>The device belongs to a program and not to the kernel: there is no interface to move.</summary>
    public bool HasUserspaceDriver
        => PciAddress.Length > 0
            && s_userspaceDrivers.Contains(Path.GetFileName(File.ResolveLinkTarget($"{Devices}/{PciAddress}/driver", false)?.FullName ?? ""), StringComparer.Ordinal);

    public static HostDevice Read(NetworkConfig config)
    {
        var root = config.Root;
        var device = root["device"].Text();
        if (device.Length > 0 && CniNames.InterfaceNameFault(device) is { } fault)
        {
            throw root["device"].Fault($"'{device}' {fault}");
        }

        // What the runtime says wins: a device plugin has chosen it for this container.
        var pciNode = config.Runtime["deviceID"].Text().Length > 0 ? config.Runtime["deviceID"] : root["pciBusID"];
        var pci = pciNode.Text();
        if (pci.Length > 0 && !pci.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.'))
        {
            throw pciNode.Fault($"'{pci}' is no PCI address, as 0000:3a:00.1 is");
        }

        var kernelPath = root["kernelpath"].Text();
        if (kernelPath.Length > 0 && (!kernelPath.StartsWith("/sys/", StringComparison.Ordinal) || kernelPath.Split('/').Contains("..")))
        {
            throw root["kernelpath"].Fault($"'{kernelPath}' is no path under /sys");
        }

        var found = new HostDevice(device, root["hwaddr"].Text().Length > 0 ? RequestedMac.Parse(root["hwaddr"]) : null, kernelPath, pci);
        return found is { Name.Length: 0, Mac: null, KernelPath.Length: 0, PciAddress.Length: 0 }
            ? throw root["device"].Fault("is missing, and so are hwaddr, kernelpath, pciBusID and runtimeConfig.deviceID")
            : found;
    }

    public Link Find(RouteSocket host)
        => (Name.Length > 0 ? host.FindLink(Name)
            : Mac is { } mac ? host.Links().FirstOrDefault(l => l.Mac == mac)
            : KernelPath.Length > 0 ? In(host, $"{KernelPath}/net")
            : In(host, $"{Devices}/{PciAddress}/net"))
            ?? throw new CniException(CniErrorCode.InvalidNetworkConfig, $"{Field}: the host has no such interface");

    private string Field
        => Name.Length > 0 ? $"device: '{Name}'" : Mac is { } mac ? $"hwaddr: {mac}" : KernelPath.Length > 0 ? $"kernelpath: {KernelPath}" : $"pciBusID: {PciAddress}";

    private static Link? In(RouteSocket host, string folder)
        => Directory.Exists(folder)
            ? Directory.EnumerateDirectories(folder).Select(d => host.FindLink(Path.GetFileName(d))).FirstOrDefault(l => l is not null)
            : null;
}
