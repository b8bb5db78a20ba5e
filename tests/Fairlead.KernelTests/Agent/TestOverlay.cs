using Fairlead.Agent.Overlay;
using Fairlead.Agent.Problems;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fairlead.KernelTests.Agent;

/// <summary>The agent's overlay on a node of the fixture.</summary>
internal static class TestOverlay
{
    /// <summary>A new one each time, as after a restart.</summary>
    public static OverlayReconciler Overlay(this TestNode node, OverlayKind? kind = OverlayKind.Vxlan, ProblemBoard? board = null, string stateFolder = "/nowhere")
        => new(
            kind, OverlayModes.All(node.Network, stateFolder, NullLoggerFactory.Instance), board ?? NewBoard(), node.Network, NullLogger<OverlayReconciler>.Instance);

    public static ProblemBoard NewBoard() => new(NullLogger<ProblemBoard>.Instance);
}
