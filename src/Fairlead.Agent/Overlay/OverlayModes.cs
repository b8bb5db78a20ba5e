using Fairlead.Linux.Namespaces;
using Microsoft.Extensions.Logging;

namespace Fairlead.Agent.Overlay;

/// <summary>All the modes there are, as one node has them.</summary>
internal static class OverlayModes
{
    public static IReadOnlyList<IOverlayMode> All(NetworkNamespace? network, string stateFolder, ILoggerFactory loggers) =>
    [
        new VxlanMode(network, loggers.CreateLogger<VxlanMode>()),
        new HostGatewayMode(),
        new WireGuardMode(network, new WireGuardKeyFile(stateFolder), loggers.CreateLogger<WireGuardMode>()),
        new RoutedByOthersMode(),
    ];
}
