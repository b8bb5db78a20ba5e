using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Linux.Netlink.Generic;

/// <summary>The settings of WireGuard interfaces in one network namespace (linux/wireguard.h).</summary>
/// <remarks>The interface itself is made with a <see cref="Route.WireGuardSpec"/>. The kernel tells of no changes.</remarks>
public sealed class WireGuardSocket : IDisposable
{
    private const byte GetDevice = 0;
    private const byte SetDevice = 1;

    private const ushort DeviceIfIndex = 1;
    private const ushort DevicePrivateKey = 3;
    private const ushort DevicePublicKey = 4;
    private const ushort DeviceListenPort = 6;
    private const ushort DevicePeers = 8;

    private const ushort PeerPublicKey = 1;
    private const ushort PeerFlags = 3;
    private const ushort PeerEndpoint = 4;
    private const ushort PeerAllowedIps = 9;
    private const uint PeerRemove = 1;
    private const uint PeerReplaceAllowedIps = 2;

    private const ushort AllowedIpFamily = 1;
    private const ushort AllowedIpAddress = 2;
    private const ushort AllowedIpMask = 3;

    /// <summary>What surely fits the 64 KiB of an attribute: each peer has few ranges here.</summary>
    private const int PeersAtOnce = 100;

    private readonly GenericSocket _socket;
    private readonly GenericFamily _family;

    private WireGuardSocket(GenericSocket socket, GenericFamily family) => (_socket, _family) = (socket, family);

    /// <summary>Opens a socket in a namespace, or in the calling thread's.</summary>
    /// <exception cref="LinuxException">The kernel has no WireGuard.</exception>
    public static WireGuardSocket Open(NetworkNamespace? network = null)
    {
        var socket = GenericSocket.Open(network);
        try
        {
            return new(socket, socket.Get("wireguard"));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    public WireGuardDevice Get(int link)
    {
        // A list of many peers comes in parts; the ranges of one may go on in the next.
        var parts = _socket.Dump(_family, GetDevice, Read, (ref NetlinkWriter w) => w.Attribute(DeviceIfIndex, (uint)link));
        var device = new WireGuardDevice(link);
        var peers = new List<WireGuardPeer>();
        foreach (var part in parts)
        {
            device = device with { PrivateKey = part.PrivateKey ?? device.PrivateKey, PublicKey = part.PublicKey ?? device.PublicKey, ListenPort = part.ListenPort > 0 ? part.ListenPort : device.ListenPort };
            foreach (var peer in part.Peers)
            {
                if (peers.Count > 0 && peers[^1].Key == peer.Key)
                {
                    peers[^1] = peers[^1] with { AllowedIps = [.. peers[^1].AllowedIps.Items, .. peer.AllowedIps.Items] };
                }
                else
                {
                    peers.Add(peer);
                }
            }
        }

        return device with { Peers = [.. peers.Select(p => p with { AllowedIps = [.. p.AllowedIps.Items.OrderBy(a => a.ToString(), StringComparer.Ordinal)] })] };
    }

    public void Change(int link, WireGuardChange change)
    {
        ArgumentNullException.ThrowIfNull(change);
        if (change.PrivateKey is not null || change.ListenPort is not null)
        {
            _socket.Request(_family, SetDevice, (ref NetlinkWriter w) =>
            {
                w.Attribute(DeviceIfIndex, (uint)link);
                if (change.PrivateKey is { } key)
                {
                    w.Attribute(DevicePrivateKey, key.ToBytes());
                }

                if (change.ListenPort is { } port)
                {
                    w.Attribute(DeviceListenPort, checked((ushort)port));
                }
            });
        }

        foreach (var some in change.Remove.Select(key => (Peer: new WireGuardPeer(key), Flags: PeerRemove)).Concat(change.Set.Select(p => (p, PeerReplaceAllowedIps))).Chunk(PeersAtOnce))
        {
            _socket.Request(_family, SetDevice, (ref NetlinkWriter w) =>
            {
                w.Attribute(DeviceIfIndex, (uint)link);
                var list = w.BeginNested(DevicePeers);
                foreach (var (peer, flags) in some)
                {
                    Write(ref w, peer, flags);
                }

                w.EndNested(list);
            });
        }
    }

    public void Dispose() => _socket.Dispose();

    private static void Write(ref NetlinkWriter w, WireGuardPeer peer, uint flags)
    {
        var item = w.BeginNested(0);
        w.Attribute(PeerPublicKey, peer.Key.ToBytes());
        w.Attribute(PeerFlags, flags);
        if (peer.Endpoint is { } endpoint)
        {
            w.Attribute(PeerEndpoint, WriteEndpoint(endpoint));
        }

        if (peer.AllowedIps.Count > 0)
        {
            var addresses = w.BeginNested(PeerAllowedIps);
            foreach (var range in peer.AllowedIps)
            {
                var one = w.BeginNested(0);
                w.Attribute(AllowedIpFamily, FamilyOf(range.BaseAddress));
                w.Attribute(AllowedIpAddress, range.BaseAddress);
                w.Attribute(AllowedIpMask, (byte)range.PrefixLength);
                w.EndNested(one);
            }

            w.EndNested(addresses);
        }

        w.EndNested(item);
    }

    private static ushort FamilyOf(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork ? Route.RouteConstants.AfInet : Route.RouteConstants.AfInet6;

    /// <summary>struct sockaddr_in or sockaddr_in6.</summary>
    private static byte[] WriteEndpoint(IPEndPoint endpoint)
    {
        var address = endpoint.Address.GetAddressBytes();
        var bytes = new byte[address.Length == 4 ? 16 : 28];
        MemoryMarshal.Write(bytes, FamilyOf(endpoint.Address));
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)endpoint.Port);
        address.CopyTo(bytes, address.Length == 4 ? 4 : 8);
        return bytes;
    }

    private static IPEndPoint? ReadEndpoint(ReadOnlySpan<byte> bytes)
        => bytes.Length >= 16 && MemoryMarshal.Read<ushort>(bytes) == Route.RouteConstants.AfInet ? new(new IPAddress(bytes[4..8]), BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]))
            : bytes.Length >= 28 ? new(new IPAddress(bytes[8..24]), BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]))
            : null;

    private WireGuardDevice? Read(scoped NetlinkMessage message)
    {
        var attributes = GenericMessages.Read(message, _family, out _);
        var device = new WireGuardDevice(0);
        while (attributes.TryRead(out var a))
        {
            device = a.Type switch
            {
                DeviceIfIndex => device with { Link = a.Int32 },
                DevicePrivateKey => device with { PrivateKey = ReadKey(a) },
                DevicePublicKey => device with { PublicKey = ReadKey(a) },
                DeviceListenPort => device with { ListenPort = a.UInt16 },
                DevicePeers => device with { Peers = ReadPeers(a.Nested) },
                _ => device,
            };
        }

        return device;
    }

    private static WireGuardKey? ReadKey(NetlinkAttribute a) => a.Value.Length == WireGuardKey.Length && a.Value.ContainsAnyExcept((byte)0) ? new WireGuardKey(a.Value) : null;

    private static ValueArray<WireGuardPeer> ReadPeers(AttributeReader list)
    {
        var peers = new List<WireGuardPeer>();
        while (list.TryRead(out var item))
        {
            var peer = new WireGuardPeer(default);
            var parts = item.Nested;
            while (parts.TryRead(out var a))
            {
                peer = a.Type switch
                {
                    PeerPublicKey => new WireGuardPeer(ReadKey(a) ?? default) { Endpoint = peer.Endpoint, AllowedIps = peer.AllowedIps },
                    PeerEndpoint => peer with { Endpoint = ReadEndpoint(a.Value) },
                    PeerAllowedIps => peer with { AllowedIps = ReadRanges(a.Nested) },
                    _ => peer,
                };
            }

            peers.Add(peer);
        }

        return [.. peers];
    }

    private static ValueArray<IPNetwork> ReadRanges(AttributeReader list)
    {
        var ranges = new List<IPNetwork>();
        while (list.TryRead(out var item))
        {
            IPAddress? address = null;
            var length = 0;
            var parts = item.Nested;
            while (parts.TryRead(out var a))
            {
                (address, length) = a.Type switch
                {
                    AllowedIpAddress => (a.Address, length),
                    AllowedIpMask => (address, (int)a.Byte),
                    _ => (address, length),
                };
            }

            if (address is not null)
            {
                ranges.Add(new(address, length));
            }
        }

        return [.. ranges];
    }
}
