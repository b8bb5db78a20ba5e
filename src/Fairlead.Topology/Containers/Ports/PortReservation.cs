using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fairlead.Linux.Namespaces;
using Fairlead.Topology.Containers.State;

namespace Fairlead.Topology.Containers.Ports;

/// <summary>The host's ports of one container: sockets that hold them, so that no later process of the host can take one.</summary>
/// <remarks>
/// The kernel leads nearly all packets to the container before they would reach these sockets. What still reaches them is what the kernel
/// cannot translate: connections from ::1, and IPv6 to a container that has IPv4 alone. That is passed on from here.
/// </remarks>
internal sealed class PortReservation : IAsyncDisposable
{
    private const int Attempts = 32;

    private readonly List<Held> _held = [];
    private readonly List<PortForwarder> _forwarders = [];

    /// <summary>The ports, with the free ones that were chosen.</summary>
    public IReadOnlyList<PublishedPort> Ports { get; private set; } = [];

    /// <summary>Takes all ports, or none where one is taken.</summary>
    /// <param name="wanted">The ports; one of the host that is 0 is chosen.</param>
    /// <param name="others">The containers that are there.</param>
    /// <param name="host">The host's network stack; the caller's where null.</param>
    public static PortReservation Take(IReadOnlyList<PublishedPort> wanted, IEnumerable<ContainerRecord> others, NetworkNamespace? host)
    {
        var reservation = new PortReservation();
        try
        {
            var published = others.Where(o => o.IsLive).SelectMany(o => o.Options.Ports.Select(p => (Port: p, o.Name))).ToList();
            var taken = new List<PublishedPort>();
            foreach (var port in wanted)
            {
                if (port.HostPort > 0 && published.FirstOrDefault(p => p.Port.MeetsHostPortOf(port)) is { Name: { } holder })
                {
                    throw new ContainerException($"port {port.HostSide} of the host is taken by the container {holder}", "choose another, or let a free one be chosen with -p PORT");
                }

                taken.Add(reservation.TakeOne(port, host));
            }

            reservation.Ports = taken;
            return reservation;
        }
        catch
        {
            reservation._held.ForEach(h => h.Socket.Dispose());
            throw;
        }
    }

    /// <summary>Begins to pass on what the kernel does not.</summary>
    public void ForwardTo(IPAddress container, NetworkNamespace? host, TimeProvider time)
    {
        foreach (var (port, socket) in _held)
        {
            var target = new IPEndPoint(container, port.ContainerPort);
            _forwarders.Add(port.IsUdp ? new UdpForwarder(socket, target, host, time) : new TcpForwarder(socket, target, host, time));
        }
    }

    public async ValueTask DisposeAsync()
    {
        _held.ForEach(h => h.Socket.Dispose());
        foreach (var forwarder in _forwarders)
        {
            await forwarder.DisposeAsync();
        }
    }

    private PublishedPort TakeOne(PublishedPort port, NetworkNamespace? host)
    {
        for (var attempt = 1; ; attempt++)
        {
            var before = _held.Count;
            try
            {
                return TakeBoth(port, host);
            }
            catch (SocketException e)
            {
                _held.GetRange(before, _held.Count - before).ForEach(h => h.Socket.Dispose());
                _held.RemoveRange(before, _held.Count - before);
                if (port.HostPort > 0 || attempt == Attempts || e.SocketErrorCode != SocketError.AddressAlreadyInUse)
                {
                    throw Explain(port, e);
                }

                // The port that was free for one family was not for the other: another one will do.
            }
        }
    }

    private PublishedPort TakeBoth(PublishedPort port, NetworkNamespace? host)
    {
        foreach (var any in (ReadOnlySpan<IPAddress>)[IPAddress.Any, IPAddress.IPv6Any])
        {
            if (!port.IsFor(any.AddressFamily) || (any.AddressFamily == AddressFamily.InterNetworkV6 && !Socket.OSSupportsIPv6))
            {
                continue;
            }

            var address = new IPEndPoint(port.OnlyAddress ?? any, port.HostPort);
            var socket = host is null ? Bind(address, port.IsUdp) : host.Run(() => Bind(address, port.IsUdp));
            port = port with { HostPort = ((IPEndPoint)socket.LocalEndPoint!).Port };
            _held.Add(new Held(port, socket));
        }

        return port;
    }

    private static Socket Bind(IPEndPoint address, bool isUdp)
    {
        var socket = isUdp
            ? new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp)
            : new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (address.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false;
            }

            socket.Bind(address);
            if (!isUdp)
            {
                // Only a socket that listens keeps others that ask to share the port from taking it.
                socket.Listen();
            }

            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static ContainerException Explain(PublishedPort port, SocketException e) => e.SocketErrorCode switch
    {
        SocketError.AddressAlreadyInUse => new(
            $"port {port.HostSide} of the host is taken by another process", string.Create(CultureInfo.InvariantCulture, $"ss -lnp 'sport = {port.HostPort}' shows it; or let a free one be chosen with -p {port.ContainerPort}")),
        SocketError.AddressNotAvailable => new($"port {port.HostSide}: this host has no such address", "ip addr shows those that it has"),
        _ => new($"port {port.HostSide} of the host cannot be had: {e.Message}"),
    };

    private sealed record Held(PublishedPort Port, Socket Socket);
}
