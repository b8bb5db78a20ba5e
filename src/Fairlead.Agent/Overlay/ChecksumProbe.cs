using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Fairlead.Agent.Problems;
using Fairlead.Core.Services;
using Fairlead.Kube.State;
using Fairlead.Linux;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink.Generic;
using Fairlead.Linux.Netlink.Route;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

// Some network cards, and some kernels when a tunnel's packet is itself translated, put a wrong checksum into the packet inside of a
// VXLAN. Its receiver drops it without a word: pings go through, connections hang for a minute. The sum is left to the card because
// the tunnel's interface says that whoever comes later can do it (tx-checksum-ip-generic). Switched off there, the kernel sums up
// before the packet enters the tunnel, which is right always and costs some processor time.
//
// The probe sends small UDP packets through the tunnel to another node's agent, which answers: some with a checksum and some without.
// If only those without are answered, the checksums arrive broken. Answers carry none, so that the other side's card is out of it.

/// <summary>Finds out at the start whether packets arrive through the tunnel with broken checksums, and if so has the kernel make them itself.</summary>
internal sealed partial class ChecksumProbe(NetworkNamespace? network, ProblemBoard board, TimeProvider time, ILogger<ChecksumProbe> logger)
{
    private const int Tries = 10;
    private const int PeersAtOnce = 3;

    private static readonly TimeSpan s_wait = TimeSpan.FromMilliseconds(200);

    /// <summary>Before another try where nobody answered at all: the other agents may not be there yet.</summary>
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(15);

    private static readonly Meter s_meter = new("Fairlead.Agent");

    private static readonly Counter<long> s_faults =
        s_meter.CreateCounter<long>("fairlead_overlay_checksum_faults_total", description: "Tunnels on which checksum offload was found broken and switched off");

    private enum Outcome
    {
        Silence,
        Whole,
        Broken,
    }

    /// <summary>Looks once at each tunnel interface, until cancelled.</summary>
    public async Task RunAsync(Snapshot<OverlayInForce> overlay, CancellationToken ct)
    {
        var done = 0;
        while (true)
        {
            var inForce = overlay.Current;
            var link = Link(inForce);
            if (link != 0 && link != done && await ProbeAsync(inForce, ct) is not Outcome.Silence and var outcome)
            {
                done = link;
                LogOutcome(inForce.LinkName!, outcome == Outcome.Whole ? "whole" : "broken");
                if (outcome == Outcome.Broken)
                {
                    await MendAsync(inForce, link, ct);
                }
            }

            // A topology that is the same but for a heartbeat is no reason to look; silence is, after a while.
            var changed = overlay.ChangedAsync(inForce);
            await (link != 0 && link != done ? Task.WhenAny(changed, Task.Delay(s_again, time, ct)) : changed).WaitAsync(ct);
            ct.ThrowIfCancellationRequested(); // a wait that the token has ended may end without a word
        }
    }

    private async Task MendAsync(OverlayInForce inForce, int link, CancellationToken ct)
    {
        s_faults.Add(1);
        using (var ethtool = EthtoolSocket.Open(network))
        {
            if (ethtool.IsActive(link, EthtoolSocket.TxChecksumIpGeneric))
            {
                ethtool.SwitchOff(link, EthtoolSocket.TxChecksumIpGeneric);
            }
        }

        LogSwitchedOff(inForce.LinkName!, EthtoolSocket.TxChecksumIpGeneric);
        if (await ProbeAsync(inForce, ct) == Outcome.Broken)
        {
            board.Set("checksums", new Problem(
                "TunnelChecksumsBroken",
                $"packets through {inForce.LinkName} arrive with broken checksums, also with {EthtoolSocket.TxChecksumIpGeneric} off: look at the offloads of {inForce.Underlays.Tunnel.Name} (ethtool -k), or use another --overlay"));
        }
    }

    private int Link(OverlayInForce inForce)
    {
        if (inForce.Kind != OverlayKind.Vxlan || !Targets(inForce).Any())
        {
            return 0;
        }

        using var routes = RouteSocket.Open(network);
        return routes.FindLink(inForce.LinkName!)?.Index ?? 0;
    }

    /// <summary>The ends of the tunnel on a few nodes that are reached through it.</summary>
    private static IEnumerable<IPAddress> Targets(OverlayInForce inForce)
        => inForce.Topology.Peers.SelectMany(p => p.PodRanges.Take(1).Where(r => inForce.Underlays.Direct(p, r) is null)).Select(r => r.BaseAddress).Take(PeersAtOnce);

    /// <summary>The first that is certain of the nodes asked: one good answer means that the card here is well.</summary>
    private async Task<Outcome> ProbeAsync(OverlayInForce inForce, CancellationToken ct)
    {
        var outcomes = new List<Outcome>();
        foreach (var target in Targets(inForce))
        {
            var (with, without) = (AskAsync(inForce, target, checksums: true, ct), AskAsync(inForce, target, checksums: false, ct));
            outcomes.Add(await with ? Outcome.Whole : await without ? Outcome.Broken : Outcome.Silence);
            _ = await without;
        }

        return outcomes.Max(o => o == Outcome.Whole ? 2 : o == Outcome.Broken ? 1 : 0) switch { 2 => Outcome.Whole, 1 => Outcome.Broken, _ => Outcome.Silence };
    }

    private async Task<bool> AskAsync(OverlayInForce inForce, IPAddress target, bool checksums, CancellationToken ct)
    {
        try
        {
            using var socket = ProbeSocket.Open(network, target.AddressFamily, inForce.LinkName!, 0, checksums);
            var nonce = RandomNumberGenerator.GetBytes(16);
            var buffer = new byte[64];
            for (var i = 0; i < Tries; i++)
            {
                using var patience = new CancellationTokenSource(s_wait, time);
                using var both = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, ct);
                await socket.SendToAsync(nonce, new IPEndPoint(target, ProbeSocket.Port), ct);
                try
                {
                    while (true)
                    {
                        var length = (await socket.ReceiveFromAsync(buffer, new IPEndPoint(target.Family == IPFamily.IPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0), both.Token)).ReceivedBytes;
                        if (buffer.AsSpan(0, length).SequenceEqual(nonce))
                        {
                            return true;
                        }
                    }
                }
                catch (OperationCanceledException) when (!ct.IsCancellationRequested)
                {
                    // Not answered; once more.
                }
            }
        }
        catch (Exception e) when (e is SocketException or LinuxException)
        {
            // The tunnel is being made anew, or the way there is down: no answer either.
        }

        return false;
    }

    [LoggerMessage(LogLevel.Debug, "Probed {Link}: checksums arrive {Outcome}")]
    private partial void LogOutcome(string link, string outcome);

    [LoggerMessage(LogLevel.Warning, "Packets through {Link} arrive with broken checksums: switched {Feature} off on it, so that the kernel makes them itself")]
    private partial void LogSwitchedOff(string link, string feature);
}
