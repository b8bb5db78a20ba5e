using System.Runtime.InteropServices;
using System.Text;
using Fairlead.Linux.Namespaces;
using Microsoft.Win32.SafeHandles;

namespace Fairlead.Linux.Netlink.Route;

/// <summary>How a TUN or TAP interface shall be (linux/if_tun.h).</summary>
public sealed record TunSpec(string Name)
{
    /// <summary>Ethernet frames (TAP); else IP packets (TUN).</summary>
    public bool IsTap { get; init; }

    /// <summary>It stays when the handle is closed, until <see cref="TunInterface.Delete"/> or <see cref="RouteSocket.TryDeleteLink"/>.</summary>
    public bool Persistent { get; init; }

    /// <summary>The user who may open it without further rights.</summary>
    public uint? Owner { get; init; }

    public uint? Group { get; init; }

    /// <summary>Several handles may be open on it, each a queue.</summary>
    public bool MultiQueue { get; init; }

    /// <summary>Before each packet stands a virtio_net_hdr, as a virtual machine's network card has it.</summary>
    public bool VnetHeader { get; init; }
}

/// <summary>An interface whose far end is a program: what one writes here comes in by it, what goes out by it is read here.</summary>
/// <remarks>These are made by a device file and not by netlink; everything else about them is as of other links.</remarks>
public sealed unsafe class TunInterface : IDisposable
{
    internal const byte ModeTun = 1;
    internal const byte ModeTap = 2;

    private const string Device = "/dev/net/tun";
    private const nuint SetInterface = 0x400454ca;
    private const nuint SetPersist = 0x400454cb;
    private const nuint SetOwner = 0x400454cc;
    private const nuint SetGroup = 0x400454ce;
    private const ushort NoPacketInformation = 0x1000;
    private const ushort VnetHeader = 0x4000;
    private const ushort Exclusive = 0x8000;
    private const ushort MultiQueue = 0x0100;

    /// <summary>struct ifreq.</summary>
    private const int RequestSize = 40;

    private TunInterface(string name, SafeFileHandle handle) => (Name, Handle) = (name, handle);

    public string Name { get; }

    /// <summary>The open device: one packet a read, one a write.</summary>
    public SafeFileHandle Handle { get; }

    /// <summary>Makes an interface, or opens one of the same name and kind that is there and free.</summary>
    public static TunInterface Open(TunSpec spec, NetworkNamespace? network = null) => Open(spec, exclusive: false, network);

    /// <summary>Makes an interface of a name that is not there.</summary>
    public static TunInterface Create(TunSpec spec, NetworkNamespace? network = null) => Open(spec, exclusive: true, network);

    /// <summary>Waits for a packet that goes out by the interface.</summary>
    /// <returns>Its length; what does not fit is cut off.</returns>
    public int Read(Span<byte> packet)
    {
        nint length;
        do
        {
            length = Libc.read(Handle, packet, (nuint)packet.Length);
        }
        while (length < 0 && Marshal.GetLastPInvokeError() == Errno.Interrupted);

        return LinuxException.ThrowIfFailed((int)length, $"tun {Name} read");
    }

    /// <summary>Has a packet come in by the interface.</summary>
    public void Write(ReadOnlySpan<byte> packet)
        => LinuxException.ThrowIfFailed((int)Libc.write(Handle, packet, (nuint)packet.Length), $"tun {Name} write");

    /// <summary>Has the interface end with its last handle, this one.</summary>
    public void Delete()
    {
        _ = LinuxException.ThrowIfFailed(Libc.ioctl(Handle, SetPersist, 0), $"tun {Name} persist off");
        Dispose();
    }

    public void Dispose() => Handle.Dispose();

    private static TunInterface Open(TunSpec spec, bool exclusive, NetworkNamespace? network)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var name = Encoding.UTF8.GetBytes(spec.Name);
        if (name.Length is 0 or > LinkSpec.MaxNameLength)
        {
            throw new ArgumentException($"'{spec.Name}' cannot be the name of an interface: 1 to {LinkSpec.MaxNameLength} characters", nameof(spec));
        }

        return network is null ? Make() : network.Run(Make);

        TunInterface Make()
        {
            var operation = $"{(spec.IsTap ? "tap" : "tun")} {spec.Name}";
            var handle = Libc.Handle(Libc.open(Device, Libc.OpenReadWrite | Libc.OpenCloseOnExec, 0), $"{operation}: open {Device}");
            try
            {
                // What is there and in use is EBUSY; where it must be new, what is there is EBUSY too, in use or not.
                var flags = (ushort)(ModeFlag(spec) | NoPacketInformation | (exclusive ? Exclusive : 0)
                    | (spec.MultiQueue ? MultiQueue : 0) | (spec.VnetHeader ? VnetHeader : 0));
                var request = stackalloc byte[RequestSize];
                new Span<byte>(request, RequestSize).Clear();
                name.CopyTo(new Span<byte>(request, RequestSize));
                *(ushort*)(request + 16) = flags;
                _ = LinuxException.ThrowIfFailed(Libc.ioctl(handle, SetInterface, (nint)request), operation);
                Set(handle, SetOwner, spec.Owner, $"{operation} owner {spec.Owner}");
                Set(handle, SetGroup, spec.Group, $"{operation} group {spec.Group}");
                Set(handle, SetPersist, spec.Persistent ? 1u : null, $"{operation} persist");
                return new(spec.Name, handle);
            }
            catch
            {
                handle.Dispose();
                throw;
            }
        }
    }

    private static ushort ModeFlag(TunSpec spec) => spec.IsTap ? ModeTap : ModeTun;

    private static void Set(SafeFileHandle handle, nuint request, uint? value, string operation)
    {
        if (value is { } number)
        {
            _ = LinuxException.ThrowIfFailed(Libc.ioctl(handle, request, (nint)number), operation);
        }
    }
}
