using Fairlead.Core.Policy;
using Fairlead.Kube.Objects;
using Fairlead.Kube.State;
using Fairlead.Linux.Namespaces;
using Fairlead.Linux.Netlink;
using Fairlead.Linux.Nftables;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Policy;

/// <summary>Says of a sample of the packets that policies denied whose they were and whose policies.</summary>
/// <param name="nameOf">The pod that has an address, or null.</param>
internal sealed partial class DenialLog(
    NetworkNamespace? network, Snapshot<PolicyTable> policies, Func<string, ObjectKey?> nameOf, TimeProvider time, ILogger<DenialLog> logger)
{
    public Task RunAsync(CancellationToken ct)
        => MonitorLoop.RunAsync(
            () => PacketLog.Open(PolicyRules.LogGroup, network),
            packet =>
            {
                Tell(packet);
                return Task.CompletedTask;
            },
            static () => { },
            e => LogDeaf(e, MonitorLoop.Pause),
            time,
            ct);

    private void Tell(LoggedPacket packet)
    {
        foreach (var pod in policies.Current.Pods)
        {
            if (pod.Ingress is { IsEmpty: false } ingress && PolicyRules.GroupOf(PolicyDirection.Ingress, ingress) == packet.Prefix
                || pod.Egress is { IsEmpty: false } egress && PolicyRules.GroupOf(PolicyDirection.Egress, egress) == packet.Prefix)
            {
                var direction = packet.Prefix.StartsWith("ingress", StringComparison.Ordinal) ? "ingress" : "egress";
                LogDenied(direction, string.Join(", ", (direction == "ingress" ? pod.Ingress : pod.Egress).Select(p => p.ToString())), Named(packet.Source.ToString()), packet.SourcePort, Named(packet.Destination.ToString()), packet.DestinationPort, ProtocolName(packet.Protocol));
                return;
            }
        }
    }

    private string Named(string address) => nameOf(address) is { } pod ? $"{pod} ({address})" : address;

    private static string ProtocolName(byte protocol) => protocol switch
    {
        1 => "ICMP",
        6 => "TCP",
        17 => "UDP",
        58 => "ICMPv6",
        132 => "SCTP",
        _ => $"protocol {protocol}",
    };

    [LoggerMessage(LogLevel.Information, "Denied by {Direction} policy {Policies}: {Protocol} from {Source} port {SourcePort} to {Destination} port {DestinationPort}")]
    private partial void LogDenied(string direction, string policies, string source, int sourcePort, string destination, int destinationPort, string protocol);

    [LoggerMessage(LogLevel.Warning, "Cannot hear which packets policies deny; they are denied and counted all the same. Trying again in {Pause}")]
    private partial void LogDeaf(Exception e, TimeSpan pause);
}
