using System.Net;
using System.Net.Sockets;
using Fairlead.Core.Nodes;
using Fairlead.Core.Services;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

/// <summary>Answers other nodes' probes with what they sent, without a checksum.</summary>
internal sealed partial class ChecksumEcho(NetworkNamespace? network, ILogger<ChecksumEcho> logger)
{
    /// <summary>Longer ones are no probes.</summary>
    private const int MaxLength = 64;

    /// <summary>Serves as long as the tunnel is what it was, and anew after that, until cancelled.</summary>
    public async Task RunAsync(Snapshot<OverlayInForce> overlay, CancellationToken ct)
    {
        var seen = overlay.Current;
        while (true)
        {
            var tunnel = Find(seen);
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var serving = Task.WhenAll(
                tunnel.IPv4 ? ServeAsync(seen.LinkName!, IPFamily.IPv4, stop.Token) : Task.CompletedTask,
                tunnel.IPv6 ? ServeAsync(seen.LinkName!, IPFamily.IPv6, stop.Token) : Task.CompletedTask);
            try
            {
                while (Find(seen) == tunnel)
                {
                    await overlay.ChangedAsync(seen).WaitAsync(ct);
                    seen = overlay.Current;
                }
            }
            finally
            {
                await stop.CancelAsync();
                await serving;
            }
        }
    }

    /// <summary>The interface now, which a socket is bound to for good, and what goes through it; neither family where there is no tunnel.</summary>
    private (int Link, bool IPv4, bool IPv6) Find(OverlayInForce inForce)
    {
        if (inForce is not { Kind: OverlayKind.Vxlan, LinkName: { } name, Topology.Self: { } self })
        {
            return default;
        }

        using var routes = RouteSocket.Open(network);
        return routes.FindLink(name) is { } link ? (link.Index, self.PodRanges.Of(IPFamily.IPv4).Any(), self.PodRanges.Of(IPFamily.IPv6).Any()) : default;
    }

    private async Task ServeAsync(string link, IPFamily family, CancellationToken ct)
    {
        try
        {
            using var socket = ProbeSocket.Open(network, family == IPFamily.IPv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, link, ProbeSocket.Port, checksums: false);
            var buffer = new byte[MaxLength + 1];
            var anyone = new IPEndPoint(family == IPFamily.IPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0);
            while (true)
            {
                var received = await socket.ReceiveFromAsync(buffer, anyone, ct);
                if (received.ReceivedBytes <= MaxLength)
                {
                    await AnswerAsync(socket, buffer.AsMemory(0, received.ReceivedBytes), received.RemoteEndPoint, ct);
                }
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            // The tunnel was changed, or the agent ends.
        }
        catch (SocketException e)
        {
            LogEnded(e, link);
        }
    }

    /// <summary>The way back may not be there yet: then there is no answer, and the other asks again.</summary>
    private static async Task AnswerAsync(Socket socket, ReadOnlyMemory<byte> probe, EndPoint to, CancellationToken ct)
    {
        try
        {
            await socket.SendToAsync(probe, to, ct);
        }
        catch (SocketException)
        {
            // As said.
        }
    }

    [LoggerMessage(LogLevel.Debug, "Answering probes on {Link} ended")]
    private partial void LogEnded(Exception e, string link);
}
