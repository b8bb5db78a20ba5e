namespace Fairlead.Agent.Overlay;

/// <summary>How packets get from pods here to pods on other nodes.</summary>
internal enum OverlayKind
{
    /// <summary>In UDP packets between the nodes; straight where a node is on the same subnet.</summary>
    Vxlan,

    /// <summary>As they are: each node is the gateway to its pods. All nodes are on one subnet.</summary>
    HostGateway,

    /// <summary>By routes that somebody else makes.</summary>
    None,

    /// <summary>Encrypted, in UDP packets between the nodes.</summary>
    WireGuard,
}

/// <summary>The kinds' names, as a person and a Node object say them.</summary>
internal static class OverlayKinds
{
    /// <summary>The agent takes what the underlay allows.</summary>
    public const string Automatic = "auto";


    private static readonly (OverlayKind Kind, string Name)[] s_names =
    [
        (OverlayKind.Vxlan, "vxlan"), (OverlayKind.HostGateway, "host-gw"), (OverlayKind.WireGuard, "wireguard"), (OverlayKind.None, "none"),
    ];

    /// <summary>For messages: all that <c>--overlay</c> takes.</summary>
    public static string Choices { get; } = string.Join(", ", s_names.Select(n => n.Name).Prepend(Automatic));

    public static string Name(this OverlayKind kind) => Array.Find(s_names, n => n.Kind == kind).Name;

    /// <summary>Reads a choice; null for the automatic one.</summary>
    public static bool TryParse(string text, out OverlayKind? kind)
    {
        kind = null;
        foreach (var (known, name) in s_names)
        {
            if (text == name)
            {
                kind = known;
            }
        }

        return kind is not null || text == Automatic;
    }
}
